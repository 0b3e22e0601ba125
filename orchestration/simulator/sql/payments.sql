-- What is paid. payment_day: how many payments each day has, by product. payment: one row per payment in hand, filled
-- chunk by chunk (payments_chunk.sql). Everything that a payment has follows from its running number k, and the habits
-- from its payer.

-- Weekday, pay days, seasons, growth and a level that lingers for some days, scaled so that the days counted by the
-- carrier add up to the published totals. Whole weights: their sums are exact in any order.
create table payment_day as
with days as (
    select d::date as day
    from range(
        getvariable('world_from') + 1,
        greatest(getvariable('last_day'), getvariable('world_from') + getvariable('payments_counted_days')) + 1,
        interval 1 day
    ) as r(d)
),
lingering as (
    select d.day, sum(pow(0.75, n.ago) * (draw_unit('payment level', d.day - n.ago) - 0.5)) as level
    from days as d
    cross join (select unnest(range(12))::int as ago) as n
    group by all
),
rates as (
    select 'MICROPAYMENT' as product, 0 as base, getvariable('micropayments') as counted,
        getvariable('micropayments_yearly_growth') as growth
    union all
    select 'DCB', 1000000000, getvariable('dcb_payments'), getvariable('dcb_payments_yearly_growth')
),
weighed as (
    select
        r.product,
        r.base,
        r.counted,
        l.day,
        round(
            1000000
            * pow(1 + r.growth, (l.day - getvariable('world_from')) / 365.0)
            * (1 + getvariable('payment_level_spread') * l.level)
            * if(r.product = 'DCB', w.dcb, w.micropayment)
            * coalesce(if(r.product = 'DCB', m.dcb, m.micropayment), 1)
            * coalesce(if(r.product = 'DCB', s.dcb, s.micropayment), 1)
        )::bigint as weight,
    from lingering as l
    cross join rates as r
    join payment_weekdays as w on w.isodow = isodow(l.day)
    left join payment_month_days as m on day(l.day) between m.first_day and m.last_day
    left join payment_seasons as s on l.day between s.first_on and s.last_on
),
reached as (
    select
        *,
        (sum(weight) over (partition by product order by day))::bigint as reached,
        (sum(weight) filter (day <= getvariable('world_from') + getvariable('payments_counted_days'))
            over (partition by product))::bigint as counted_weight,
    from weighed
)
select
    product,
    day,
    base + floor(counted * getvariable('panel') * ((reached - weight) / counted_weight))::bigint as first_k,
    base + floor(counted * getvariable('panel') * (reached / counted_weight))::bigint as next_k,
from reached;

-- Face values and prices: each owns as many of its category's hundred slots as its weight.
create table value_slot as
select
    merchant_category,
    amount,
    row_number() over (partition by merchant_category order by amount, n) - 1 as slot,
from (select merchant_category, amount, unnest(range(weight)) as n from amount_values);

-- One row per number whose cap was raised for a fraud, or that a fraud found at its full height.
create table victim_cap as
select number_idx, min(cap_raised_at) as raised_at, min(cap_before) as cap_before
from (
    select number_idx, limit_raised_at as cap_raised_at, if(limit_raised_at is null, 1000000, 50000) as cap_before
    from fraud_charge
    union all
    select number_idx, cap_raised_at, cap_before from year_episode where cap_raised_at is not null
)
group by number_idx;

-- What each number has spent in a month: reserved for what a fraud takes, and spent by the payments made so far.
create table reserved as
select date_trunc('month', requested_at)::date as month, number_idx, sum(amount)::bigint as spent
from (
    select requested_at, number_idx, amount from fraud_charge
    union all
    select requested_at, number_idx, amount from year_charge where outcome = 'SUCCEEDED'
)
group by all;
create table spent (month date, number_idx bigint, spent bigint);

create table honest_dispute (
    payment_id varchar, amount bigint, opened_at timestamp, decided_at timestamp, verdict varchar,
    refunded_amount bigint, chance ubigint, reason varchar
);

-- Honest payments that look bad to the desk: at the shops where most of the story happened, in the weeks after
-- it became known.
create table false_alarm (payment_id varchar, day date);

-- The payments asked for between two days: one row per payment. Of a thousand triples in a row a few are one customer
-- who was refused, and tried again within minutes.
create or replace macro payments_between(first_on, last_on) as table
with numbered as (
    select *, unnest(range(first_k, next_k)) as k from payment_day where day between first_on and last_on
),
tried as (
    select
        product,
        day,
        k,
        k - k % 3 >= first_k and k - k % 3 + 3 <= next_k as is_whole,
        case
            when is_whole and draw_int('tries', k // 3, 1000) < 2 then 3
            when is_whole and draw_int('tries', k // 3, 1000) < 5 then 2
            else 1
        end as tries,
        if(k % 3 < tries, k % 3, 0) as attempt,
        k - attempt as root,
        attempt + 1 < tries and k % 3 < tries as is_tried_again,
    from numbered
),
sizes as (
    select count(*) as payers, count(steady_payer_no) as steady_payers from payer
),
picked as (
    select
        n.*,
        -- a power law, cut where a line would pay more than some seventy times a month
        pow(0.02 + 0.98 * draw_fine('payer', root), getvariable('payer_skew')) as place,
        happens('mvno payer', root, getvariable('mvno_payer_share')) as is_mvno,
        floor(s.payers * place)::bigint as payer_no,
        floor(s.steady_payers * place)::bigint as steady_payer_no,
        40000000 + floor(greatest(500, getvariable('mvno_payers') * getvariable('panel')) * place)::bigint
            as mvno_number_idx,
    from tried as n
    cross join sizes as s
),
paid_by as (
    select
        p.* exclude (place, is_whole, tries, payer_no, steady_payer_no, mvno_number_idx),
        a.line_idx is not null and p.day > a.opened_at::date and p.day < a.closed_at::date as is_open,
        if(p.is_mvno, null, if(is_open, a.line_idx, b.line_idx)) as line_idx,
        if(p.is_mvno, p.mvno_number_idx, if(is_open, a.number_idx, b.number_idx)) as number_idx,
        if(is_open, a.home_cell_id, b.home_cell_id) as home_cell_id,
    from picked as p
    left join payer as a on a.payer_no = p.payer_no
    left join payer as b on b.steady_payer_no = p.steady_payer_no
),
habits as (
    select
        *,
        draw_int('night owl', number_idx, 100) < 3 as is_night_owl,
        draw_int('gift buyer', number_idx, 100) < 4 as is_gift_buyer,
        draw_int('method', number_idx, 100) as method_class,
        draw_int('outcome of payment', k, 1000) as outcome_class,
    from paid_by
),
chosen as (
    select
        h.*,
        instant(h.day, t.hour * 3600 + draw_int('second', h.root, 3300)
            + h.attempt * (45 + draw_int('tries after', h.root, 90))) as requested_at,
        c.merchant_category,
        merchant_identifier(c.category_no, floor(c.merchants * pow(draw_unit('merchant', h.root), 2))::bigint)
            as merchant_id,
        coalesce(v.amount, c.amount_step * floor(
            c.amount_low * pow(c.amount_high / c.amount_low, pow(draw_fine('amount', h.root), 2)) / c.amount_step
        ))::bigint as amount,
    from habits as h
    join hour_slot as t
        on t.is_night_owl = h.is_night_owl and t.slot = draw_int('hour', h.root, 1000)
    join category_slot as c
        on c.product = h.product and c.is_gift_buyer = h.is_gift_buyer and c.slot = draw_int('category', h.root, 1000)
    left join value_slot as v
        on v.merchant_category = c.merchant_category and v.slot = draw_int('face value', h.root, 100)
),
capped as (
    select
        c.*,
        if(v.number_idx is null, cap_raised_at(c.number_idx), v.raised_at) as raised_at,
        if(v.number_idx is null, monthly_cap(c.number_idx, c.requested_at),
           if(c.requested_at < v.raised_at, v.cap_before, 1000000)) as monthly_limit,
        case
            when product = 'DCB' then if(method_class < 50, 'PIN', 'PASS')
            when draw_int('other method', root, 100) < 88 then
                (['ARS', 'SMS', 'PASS'])[1 + if(method_class < 22, 0, if(method_class < 60, 1, 2))]
            else (['ARS', 'SMS', 'PASS', 'PIN'])[1 + draw_int('which method', root, 4)]
        end as auth_method,
    from chosen as c
    left join victim_cap as v using (number_idx)
),
served as (
    select
        c.*,
        case
            when draw_int('cell known', c.k, 100) < if(c.product = 'DCB', 40, 3) then null
            when l.cell_id is not null and draw_int('late cell', c.k, 1000) < 1000 * d.share then l.cell_id
            when draw_int('at home', c.root, 100) < 80 then c.home_cell_id
            else o.cell_id
        end as cell_id,
    from capped as c
    left join late_day as d on d.served_on = c.day
    left join late_cell_of_day as l on l.served_on = c.day and l.nth = draw_int('which late cell', c.k, d.cells)
    join serving_cell as o on o.overall = draw_int('elsewhere', c.root, getvariable('serving_cells'))
)
select
    k,
    day,
    product,
    payment_identifier(k) as payment_id,
    line_idx,
    number_idx,
    merchant_id,
    merchant_category,
    amount,
    auth_method,
    if(auth_method = 'ARS', not happens('ars call', k, 0.006), null) as is_ars_call_complete,
    cell_id,
    monthly_limit,
    if(raised_at <= requested_at, raised_at, null) as limit_raised_at,
    requested_at,
    case
        when is_tried_again then if(outcome_class < 750, 'DENIED', 'ABANDONED')
        when outcome_class < 955 then 'SUCCEEDED'
        when outcome_class < 973 then 'DENIED'
        when outcome_class < 986 then 'CANCELLED'
        else 'ABANDONED'
    end as outcome,
    requested_at + to_seconds(if(outcome = 'CANCELLED', 3600 + draw_int('takes', k, 100000), 5 + draw_int('takes', k, 40)))
        as ended_at,
    draw('payment', k) as chance,
from served;

create table payment as
from payments_between(getvariable('first_day'), getvariable('first_day') - 1);

-- One row per state change. The DCB platform writes the states of CAMARA's CarrierBilling, and a charge in one step;
-- whoever gives up leaves a payment that is pending for ever.
create view payments_event as
with paid as (
    select
        payment_id,
        if(line_idx is null, null, line_identifier(line_idx)) as line_id,
        subscriber_number(number_idx) as subscriber,
        product,
        merchant_id,
        merchant_category,
        amount,
        auth_method,
        is_ars_call_complete,
        cell_id,
        monthly_limit,
        limit_raised_at,
        requested_at,
        outcome,
        ended_at,
        chance,
    from payment
    where day >= getvariable('first_day')
    union all
    select
        f.payment_id,
        if(f.is_mvno, null, line_identifier(f.number_idx)),
        subscriber_number(f.number_idx),
        'MICROPAYMENT',
        f.merchant_id,
        f.merchant_category,
        f.amount,
        f.auth_method,
        f.is_ars_call_complete,
        f.cell_id,
        1000000,
        f.limit_raised_at,
        f.requested_at,
        'SUCCEEDED',
        f.requested_at + to_seconds(8 + f.charge_no % 40),
        f.chance,
    from fraud_charge as f
    union all
    select
        y.payment_id,
        line_identifier(y.line_idx),
        subscriber_number(y.number_idx),
        'MICROPAYMENT',
        y.merchant_id,
        y.merchant_category,
        y.amount,
        y.auth_method,
        y.is_ars_call_complete,
        y.cell_id,
        y.monthly_limit,
        y.limit_raised_at,
        y.requested_at,
        y.outcome,
        y.requested_at + to_seconds(8 + y.charge_no % 30),
        y.chance,
    from year_charge as y
),
life as (
    select
        *,
        case
            when product = 'DCB' then
                if(event_seq = 1 and outcome in ('CANCELLED', 'ABANDONED'),
                   if(outcome = 'CANCELLED', 'reserved', 'pending_validation'), lower(outcome))
            else if(event_seq = 1, 'PENDING', outcome)
        end as status,
        if(event_seq = 1 and (product <> 'DCB' or outcome in ('CANCELLED', 'ABANDONED')), requested_at, ended_at)
            as occurred_at,
    from paid
    cross join (values (1), (2)) as e(event_seq)
    where event_seq = 1 or (outcome <> 'ABANDONED' and (product = 'MICROPAYMENT' or outcome = 'CANCELLED'))
)
select
    occurred_at::date as known_on,
    occurred_at as sort_at,
    * exclude (requested_at, ended_at, outcome, chance),
    hash(chance, event_seq) as chance,
from life;

create view payment_disputes_event as
with disputes as (
    select payment_id, amount, opened_at, decided_at, verdict, refunded_amount, chance from fraud_dispute
    union all
    select payment_id, amount, opened_at, decided_at, verdict, refunded_amount, chance from year_dispute
    union all
    select payment_id, amount, opened_at, decided_at, verdict, refunded_amount, chance from honest_dispute
),
life as (
    select *, 1 as event_seq, 'OPENED' as status, 0 as refunded, opened_at as occurred_at from disputes
    union all
    select *, 2, verdict, refunded_amount, decided_at from disputes where decided_at is not null
)
select
    occurred_at::date as known_on,
    occurred_at as sort_at,
    hash(chance, status) as chance,
    'D' || substr(payment_id, 2) as dispute_id,
    event_seq,
    payment_id,
    status,
    refunded as refunded_amount,
    occurred_at,
from life;
