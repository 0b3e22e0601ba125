-- Who pays. payer: one row per handset of the panel, ranked so that some pay much more often than others. Steady
-- payers (there from the start, never closed) step in for a line that is not open on the day.
create table payer as
with open_lines as (
    select
        line_idx,
        number_idx,
        region_code,
        opened_at,
        coalesce(if(back_at is null, closed_at, null), timestamp '9999-12-31') as closed_at,
        opened_at::date <= getvariable('world_from') and closed_at is null as is_steady,
    from panel_line
    where line_type = 'HANDSET'
),
ranked as (
    select
        *,
        row_number() over (order by draw('payer rank', line_idx), line_idx) - 1 as payer_no,
        row_number() over (partition by is_steady order by draw('payer rank', line_idx), line_idx) - 1 as steady_no,
    from open_lines
),
region_cells as (
    select region_code, nth, cell_id, max(nth) over (partition by region_code) + 1 as cells from serving_cell
),
cell_counts as (
    select region_code, any_value(cells) as cells from region_cells group by all
)
select
    r.* exclude (is_steady),
    if(r.is_steady, r.steady_no, null) as steady_payer_no,
    coalesce(c.cell_id, e.cell_id) as home_cell_id,
from ranked as r
left join cell_counts as n using (region_code)
left join region_cells as c
    on c.region_code = r.region_code and c.nth = draw_int('home cell', r.number_idx, n.cells)
join serving_cell as e on e.overall = draw_int('home cell', r.number_idx, getvariable('serving_cells'));

set variable payers = (select count(*) from payer);
set variable steady_payers = (select count(steady_payer_no) from payer);

-- What the cells of a day carry before they are listed: 15 payments in a thousand, but at most so many on each.
create table late_day as
select
    served_on,
    count(*) as cells,
    least(0.015, getvariable('late_cell_payments') * count(*) * getvariable('payments_counted_days')
        / ((getvariable('micropayments') + getvariable('dcb_payments')) * getvariable('panel'))) as share,
from late_cell
group by all;

create table late_cell_of_day as
select served_on, cell_id, row_number() over (partition by served_on order by cell_id) - 1 as nth from late_cell;

create table honest_dispute (
    payment_id varchar, amount bigint, opened_at timestamp, decided_at timestamp, verdict varchar,
    refunded_amount bigint, chance ubigint
);

-- The payments asked for between two days: one row per payment. Everything that a payment has follows from its
-- running number k, and the habits from its payer.
create or replace macro payments_between(first_on, last_on) as table
with rates as (
    select 'MICROPAYMENT' as product, 0 as base, getvariable('micropayments') as total
    union all
    select 'DCB', 1000000000, getvariable('dcb_payments')
),
days as (select unnest(range(first_on::date, last_on::date + 1, interval 1 day))::date as day),
numbered as (
    select
        r.product,
        d.day,
        r.base + unnest(range(
            floor(r.total * getvariable('panel') / getvariable('payments_counted_days')
                * (d.day - getvariable('world_from')))::bigint,
            floor(r.total * getvariable('panel') / getvariable('payments_counted_days')
                * (d.day - getvariable('world_from') + 1))::bigint
        )) as k,
    from days as d
    cross join rates as r
),
sizes as (
    select count(*) as payers, count(steady_payer_no) as steady_payers from payer
),
picked as (
    select
        n.*,
        happens('mvno payer', k, getvariable('mvno_payer_share')) as is_mvno,
        floor(s.payers * pow(draw_unit('payer', k), 1.7))::bigint as payer_no,
        floor(s.steady_payers * pow(draw_unit('steady payer', k), 1.7))::bigint as steady_payer_no,
        40000000 + draw_int('mvno number', k,
            greatest(500, getvariable('mvno_payers') * getvariable('panel'))::bigint) as mvno_number_idx,
    from numbered as n
    cross join sizes as s
),
paid_by as (
    select
        p.product,
        p.day,
        p.k,
        p.is_mvno,
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
        draw_int('limit', number_idx, 100) as limit_class,
        getvariable('world_from') + draw_int('limit raised', number_idx, 580)::int as raised_on,
        draw_int('method', number_idx, 100) as method_class,
        draw_int('outcome of payment', k, 1000) as outcome_class,
    from paid_by
),
chosen as (
    select
        h.*,
        instant(h.day, t.hour * 3600 + draw_int('second', k, 3600)) as requested_at,
        c.merchant_category,
        merchant_identifier(c.category_no, floor(c.merchants * pow(draw_unit('merchant', k), 2))::bigint) as merchant_id,
        c.amount_low,
        c.amount_high,
    from habits as h
    join hour_slot as t
        on t.is_night_owl = h.is_night_owl and t.slot = draw_int('hour', h.k, 1000)
    join category_slot as c
        on c.product = h.product and c.is_gift_buyer = h.is_gift_buyer and c.slot = draw_int('category', h.k, 1000)
),
capped as (
    select
        *,
        limit_class >= 92 and requested_at >= instant(raised_on, 36000) as has_raised,
        case
            when has_raised then 1000000
            when limit_class >= 92 then 100000
            when limit_class < 30 then 300000
            when limit_class < 70 then 500000
            else 1000000
        end as monthly_limit,
        case
            when product = 'DCB' then if(method_class < 50, 'PIN', 'PASS')
            when draw_int('other method', k, 100) < 88 then
                (['ARS', 'SMS', 'PASS'])[1 + if(method_class < 22, 0, if(method_class < 60, 1, 2))]
            else (['ARS', 'SMS', 'PASS', 'PIN'])[1 + draw_int('which method', k, 4)]
        end as auth_method,
    from chosen
),
served as (
    select
        c.*,
        case
            when draw_int('cell known', c.k, 100) < if(c.product = 'DCB', 40, 3) then null
            when l.cell_id is not null and draw_int('late cell', c.k, 1000) < 1000 * d.share then l.cell_id
            when draw_int('at home', c.k, 100) < 80 then c.home_cell_id
            else o.cell_id
        end as cell_id,
    from capped as c
    left join late_day as d on d.served_on = c.day
    left join late_cell_of_day as l on l.served_on = c.day and l.nth = draw_int('which late cell', c.k, d.cells)
    join serving_cell as o on o.overall = draw_int('elsewhere', c.k, getvariable('serving_cells'))
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
    10 * (least(
        monthly_limit * 0.9,
        amount_low + (amount_high - amount_low) * pow(draw_unit('amount', k), 2.5)
    ) // 10)::bigint as amount,
    auth_method,
    if(auth_method = 'ARS', not happens('ars call', k, 0.006), null) as is_ars_call_complete,
    cell_id,
    monthly_limit,
    if(has_raised, instant(raised_on, 36000), null) as limit_raised_at,
    requested_at,
    case when outcome_class < 940 then 'SUCCEEDED' when outcome_class < 985 then 'DENIED' else 'CANCELLED' end as outcome,
    requested_at + to_seconds(if(outcome_class < 985, 5 + draw_int('takes', k, 85), 3600 + draw_int('takes', k, 100000)))
        as ended_at,
    draw('payment', k) as chance,
from served;

-- Filled chunk by chunk, see payments_chunk.sql.
create table payment as
from payments_between(getvariable('first_day'), getvariable('first_day') - 1);

-- One row per state change. The DCB platform writes the states of CAMARA's CarrierBilling, and a charge in one step.
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
),
life as (
    select
        *,
        case
            when product = 'DCB' then if(outcome = 'CANCELLED' and event_seq = 1, 'reserved', lower(outcome))
            else if(event_seq = 1, 'PENDING', outcome)
        end as status,
        if(event_seq = 1 and (product <> 'DCB' or outcome = 'CANCELLED'), requested_at, ended_at) as occurred_at,
    from paid
    cross join (values (1), (2)) as e(event_seq)
    where event_seq = 1 or product = 'MICROPAYMENT' or outcome = 'CANCELLED'
)
select
    occurred_at::date as known_on,
    occurred_at as sort_at,
    * exclude (requested_at, ended_at, outcome, chance),
    hash(chance, event_seq) as chance,
from life;

create view payment_disputes_event as
with disputes as (
    select * from fraud_dispute
    union all
    select * from honest_dispute
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
