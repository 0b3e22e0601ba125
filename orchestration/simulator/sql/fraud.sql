-- The unauthorised payments. exposed_number: one row per number that was in reach of a scheme (on a rogue cell, where
-- it has one). fraud_charge: one row per fraudulent payment. rogue_cell: the cells of the van, never in the registry.
-- How a scheme works and what it buys are the tables fraud_schemes and fraud_goods.
create table rogue_cell as
select n as rogue_no, femto_identifier(50000000 + n) as cell_id
from (select unnest(range(getvariable('rogue_cells'))) as n);

create table exposed_number as
with pinned as (
    select day, region_code, count(*) as pinned_payments, count(distinct victim_no) as pinned_victims
    from fraud_charges
    group by all
),
blocks as (
    select
        d.day,
        d.region_code,
        d.scheme,
        d.payments - coalesce(p.pinned_payments, 0) as payments,
        d.victims,
        coalesce(p.pinned_victims, 0) as pinned_victims,
        row_number() over in_order as block_no,
        sum(d.exposure_weight) over in_order as reached,
        sum(d.exposure_weight) over () as total,
    from fraud_days as d
    left join pinned as p using (day, region_code)
    window in_order as (order by d.day, d.region_code)
),
sized as (
    select
        *,
        round(getvariable('exposed_numbers') * reached / total)::bigint as last_exposed,
        round(getvariable('exposed_numbers') * lag(reached, 1, 0) over (order by block_no) / total)::bigint as first_exposed,
    from blocks
),
numbered as (
    select *, unnest(range(first_exposed, last_exposed)) as exposed_no from sized
),
judged as (
    select
        *,
        exposed_no - first_exposed as nth,
        exposed_no - first_exposed < victims as is_victim,
        exposed_no - first_exposed >= pinned_victims and draw_int('exposed mvno', exposed_no, 10) = 3 as is_mvno,
    from numbered
),
final as (
    select
        exposed_no,
        block_no,
        nth,
        day as exposed_on,
        region_code::varchar as region_code,
        scheme,
        is_victim,
        is_mvno,
        payments,
        victims,
        pinned_victims,
        -- multiples of five are handsets, see kind_of_line
        if(is_mvno, 42000000 + exposed_no, 8500000 + exposed_no * 205) as number_idx,
        draw('exposed', exposed_no) as chance,
        (block_no * 3 + draw_int('rogue', exposed_no, 4)) % getvariable('rogue_cells') as rogue_no,
    from judged
)
select * from final order by exposed_no;

create table fraud_charge as
with loose as (
    select
        *,
        pinned_victims + i % (victims - pinned_victims) as victim_nth,
        i // (victims - pinned_victims) as repeat_no,
    from (select distinct block_no, payments, victims, pinned_victims, unnest(range(payments)) as i from exposed_number)
),
hours_taken as (select hour(at_time) as hour, count(*) as taken from fraud_charges group by all),
hours as (
    select hour, row_number() over (order by hour, n) as place
    from (
        select h.hour, unnest(range(h.payments - coalesce(t.taken, 0))) as n
        from fraud_hours as h
        left join hours_taken as t using (hour)
    )
),
placed as (
    select
        e.exposed_no,
        l.repeat_no,
        row_number() over (order by draw('fraud hour', e.exposed_no), e.exposed_no, l.repeat_no) as place,
        row_number() over (partition by e.scheme order by draw('fraud sms', e.exposed_no * 10 + l.repeat_no))
            <= s.sms_payments as is_sms,
        s.amount_weight * (0.62 + 0.83 * draw_unit('victim amount', e.exposed_no)) as victim_weight,
        0.6 + 0.8 * draw_unit('charge amount', e.exposed_no * 10 + l.repeat_no) as charge_weight,
        s.cap_raised_pct,
    from loose as l
    join exposed_number as e on e.block_no = l.block_no and e.nth = l.victim_nth
    join fraud_schemes as s using (scheme)
),
weighed as (
    select
        *,
        victim_weight * charge_weight / sum(charge_weight) over (partition by exposed_no) as weight,
    from placed
),
summed as (
    select *, sum(weight) over (order by place) as reached, sum(weight) over () as total
    from weighed
),
loose_amount as (
    select (getvariable('fraud_amount') - sum(amount)) // 10 as tens from fraud_charges
),
loose_charge as (
    select
        s.exposed_no,
        s.repeat_no,
        s.is_sms,
        h.hour * 3600 + draw_int('fraud minute', s.exposed_no, 3000) + s.repeat_no * 90
            + draw_int('fraud second', s.exposed_no * 10 + s.repeat_no, 60) as second_of_day,
        10 * (round(a.tens * reached / total)
            - round(a.tens * lag(reached, 1, 0.0) over (order by place) / total))::bigint as amount,
        if(draw_int('fraud cap', s.exposed_no, 100) < s.cap_raised_pct, 600 + draw_int('fraud cap at', s.exposed_no, 5400), null)
            as raised_before_seconds,
    from summed as s
    join hours as h using (place)
    cross join loose_amount as a
),
pinned_charge as (
    select
        e.exposed_no,
        row_number() over (partition by c.victim_no order by c.charge_no) - 1 as repeat_no,
        false as is_sms,
        epoch(c.at_time)::bigint as second_of_day,
        c.amount::bigint as amount,
        epoch((c.day + c.at_time) - c.cap_raised_at)::bigint as raised_before_seconds,
    from (
        select *, dense_rank() over (partition by day, region_code order by victim_no) - 1 as nth from fraud_charges
    ) as c
    join exposed_number as e
        on e.exposed_on = c.day and e.region_code = c.region_code::varchar and e.nth = c.nth
),
charges as (
    select * from loose_charge
    union all by name
    select * from pinned_charge
),
goods as (
    select
        g.*,
        c.category_no,
        sum(g.weight) over (partition by g.scheme order by g.merchant_category) as upper_draw,
        upper_draw - g.weight as lower_draw,
    from fraud_goods as g
    join (select distinct merchant_category, category_no from category_slot) as c using (merchant_category)
),
final as (
    select
        row_number() over (order by c.exposed_no, c.repeat_no) as charge_no,
        c.exposed_no,
        payment_identifier(2000000000 + c.exposed_no * 10 + c.repeat_no) as payment_id,
        e.number_idx,
        e.is_mvno,
        e.scheme,
        s.uses_rogue_cell and draw_int('moved on', c.exposed_no, 100) < s.moved_on_pct as has_moved_on,
        if(s.uses_rogue_cell and not has_moved_on, r.cell_id, o.cell_id) as cell_id,
        g.merchant_category,
        merchant_identifier(g.category_no, g.first_shop + floor(g.shops * pow(draw_unit('fraud shop', c.exposed_no), 2))::bigint)
            as merchant_id,
        if(c.is_sms, 'SMS', 'ARS') as auth_method,
        if(c.is_sms, null, happens('fraud call', c.exposed_no * 10 + c.repeat_no, s.call_complete_share))
            as is_ars_call_complete,
        c.amount,
        instant(e.exposed_on, c.second_of_day) as requested_at,
        instant(e.exposed_on, c.second_of_day) - to_seconds(c.raised_before_seconds) as limit_raised_at,
        draw('charge', c.exposed_no * 10 + c.repeat_no) as chance,
    from charges as c
    join exposed_number as e using (exposed_no)
    join fraud_schemes as s using (scheme)
    left join rogue_cell as r using (rogue_no)
    join serving_cell as o on o.overall = draw_int('fraud elsewhere', c.exposed_no, getvariable('serving_cells'))
    join goods as g
        on g.scheme = e.scheme
        and draw_int('fraud goods', c.exposed_no, 100) >= g.lower_draw
        and draw_int('fraud goods', c.exposed_no, 100) < g.upper_draw
)
select * from final order by charge_no;

-- In which wave each victim was announced, and its place among all victims in the order of the waves.
create table announced_victim as
with announceable as (
    select
        e.exposed_no,
        e.exposed_on,
        (select min(w.announced_on) from verdicts as w where w.exposed_until >= e.exposed_on) as announceable_on,
    from exposed_number as e
    where e.is_victim
),
victims as (
    select
        exposed_no,
        exposed_on,
        row_number() over (order by announceable_on, draw('victim wave', exposed_no)) as victim_rank,
    from announceable
),
waves as (
    select announced_on, victims_so_far, lag(victims_so_far, 1, 0) over (order by announced_on) as victims_before
    from verdicts
)
select v.*, w.announced_on
from victims as v
join waves as w on v.victim_rank > w.victims_before and v.victim_rank <= w.victims_so_far;

-- With which wave each payment became known: with its victim's, or the next, where fewer payments were known by then.
create table announced_charge as
with numbered as (
    select c.charge_no, v.victim_rank, v.announced_on, row_number() over (partition by exposed_no order by c.charge_no) as nth
    from fraud_charge as c
    join announced_victim as v using (exposed_no)
),
ranked as (
    select
        charge_no,
        announced_on as victim_announced_on,
        row_number() over (order by announced_on, nth > 1, victim_rank, charge_no) as charge_rank,
    from numbered
)
select r.charge_no, min(w.announced_on) as announced_on
from ranked as r
join verdicts as w
    on w.announced_on >= r.victim_announced_on and r.charge_rank <= coalesce(w.payments_so_far::bigint, r.charge_rank)
group by all;

-- The complaint about each payment and the verdict on it, both before the day on which it was announced has ended.
create table fraud_dispute as
with dated as (
    select
        c.*,
        v.announced_on,
        least(
            greatest(
                c.requested_at::date + 2 + draw_int('complaint', c.exposed_no, 18)::int,
                getvariable('first_complaint_on') + draw_int('complaint', c.exposed_no, 9)::int
            ),
            v.announced_on - 2 - draw_int('found', c.exposed_no, 3)::int
        ) as opened_on,
    from fraud_charge as c
    join announced_charge as v using (charge_no)
)
select
    payment_id,
    amount,
    instant(opened_on, 34200 + draw_int('opened', charge_no, 28000)) as opened_at,
    instant(
        announced_on - draw_int('decided', charge_no, least(6, announced_on - opened_on))::int,
        36000 + draw_int('decided at', charge_no, 25000)
    ) as decided_at,
    'CONFIRMED_FRAUD' as verdict,
    amount as refunded_amount,
    chance,
from dated;
