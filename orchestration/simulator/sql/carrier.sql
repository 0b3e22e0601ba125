-- Who is at the operator. life: one row per line that is known one by one: billing's panel, whoever comes in and joins
-- it, and every line of the fraud story. The carrier has so many lines at the beginning that, with all that moves, its handsets in
-- December 2025 are the published ones.
create or replace macro is_billed(line_idx) as happens('panel', household_of(line_idx), getvariable('panel'));

-- handset_flow: one row per month, the carrier's handsets gained and lost within it.
create table handset_flow as
with port as (
    select day, direction, ports, returns, i, (base + first_port + i) * 2 + (direction = 'IN')::int as k
    from (select *, unnest(range(ports)) as i from flow_plan where day >= getvariable('world_opens'))
),
moves as (
    select day, if(direction = 'IN', ports, -ports) as change from flow_plan where day >= getvariable('world_opens')
    union all
    select
        if(comes_again(k, i, returns, ports), day, day + withdrawn_after_days(k)),
        if(direction = 'IN', -1, 1),
    from port
    where withdrawn_after_days(k) is not null or comes_again(k, i, returns, ports)
    union all
    select day, -1 from ending_slot where line_type = 'HANDSET' and day >= getvariable('world_opens')
    union all
    select day, 1
    from (select *, unnest(range(lines)) as i from line_flow_plan where flow = 'NEW' and day >= getvariable('world_opens'))
    where kind_of_line(14000000 + first_line + i) = 'HANDSET'
)
select date_trunc('month', day)::date as month, sum(change)::bigint as change from moves group by all;

set variable first_handsets = (
    select getvariable('carrier_handsets') - sum(change) from handset_flow where month <= getvariable('carrier_month')
);
set variable carrier_lines = (
    with counted as (
        select
            first_block * 1000 + i + 1 as lines,
            first_block * 985 + sum((kind_of_line(i) = 'HANDSET')::int) over (order by i) as handsets,
        from (select getvariable('first_handsets') // 985 as first_block, unnest(range(1000)) as i)
    )
    select min(lines) from counted where handsets = getvariable('first_handsets')
);

create or replace macro opened_at_of(line_idx) as instant(
    getvariable('world_opens') - 1 - (draw_from('since', line_idx, getvariable('tenures')) * 73 // 24 * 10
        + draw_int('since day', line_idx, 31))::int,
    36000 + draw_int('since at', line_idx, 30000)
);

create table life as
with story as (select number_idx from exposed_number where not is_mvno)
select
    line_idx,
    line_idx as number_idx,
    kind_of_line(line_idx) as line_type,
    opened_at_of(line_idx) as opened_at,
    null::timestamp as withdrawn_at,
    'BASE' as came_from,
    line_idx in (from story) as is_story,
from range(getvariable('carrier_lines')) as r(line_idx)
where is_billed(line_idx) or line_idx in (from story)
union all
select
    14000000 + first_line + i as line_idx,
    line_idx,
    kind_of_line(line_idx),
    instant(day, 36000 + draw_int('new at', line_idx, 30000)),
    null,
    'NEW',
    false,
from (
    select *, unnest(range(lines)) as i from line_flow_plan
    where flow = 'NEW' and day between getvariable('world_opens') and getvariable('last_day') + 31
)
where is_billed(line_idx)
union all
select line_idx, number_idx, line_type, completed_at + interval 10 minute, withdrawn_at, group_name, false
from (select *, number_idx + if(is_again, 100000000, 0) as line_idx from port_slot where direction = 'IN' and not is_return)
where is_billed(line_idx);

-- leaving_slot: one row per port that leaves, with the line that leaves if no other one is chosen: of those that are not
-- known one by one, one is like another.
create table leaving_slot as
with slots as (
    select *, row_number() over (partition by line_type order by k) as nth from port_slot where direction = 'OUT'
),
strangers as (
    select line_type, line_idx, row_number() over (partition by line_type order by line_idx) as nth
    from (
        select line_idx, kind_of_line(line_idx) as line_type
        from range((
            select least(getvariable('carrier_lines'), (100000 + 1.05 * count(*)) / greatest(0.001, 1 - getvariable('panel')))
            from slots)::bigint) as r(line_idx)
        where not is_billed(line_idx) and line_idx not in (select number_idx from exposed_number where not is_mvno)
    )
)
select s.* exclude (nth, number_idx), x.line_idx as stranger_idx
from slots as s
left join strangers as x using (line_type, nth)
order by s.processed_on, s.k;

create table ended (
    line_idx bigint, reason varchar, ended_on date, closed_at timestamp, back_at timestamp, period_no integer
);
-- Who was chosen for a port: for the places of leaving_slot, and for those that come back.
create table chosen (k bigint, line_idx bigint, number_idx bigint);
create table returned (k bigint);

-- Whoever disputed a payment, and since when.
create table disputer as
select c.number_idx, min(d.opened_at)::date as disputed_on
from fraud_dispute as d
join fraud_charge as c using (payment_id)
group by all;

-- Lines of a table as the hazards see them on a day: what the effects of the scenario are effects of.
create or replace macro described(lines, on_day) as table
with known as (
    select
        l.*,
        tariff_of(l.line_idx, l.number_idx) as tariff_no,
        l.opened_at::date as opened_on,
        contract_kind_of(l.line_idx, l.number_idx, l.came_from in ('SKT', 'LGU', 'MVNO')) as contract_kind,
        contract_start_on(l.line_idx, opened_on, on_day) as start_on,
        birth_year_known(l.number_idx) as birth_year,
        coalesce(e.region_code, region_of(l.number_idx)) as region_code,
        e.exposed_on,
        e.is_victim,
        d.disputed_on,
    from query_table(lines) as l
    left join exposed_number as e on e.number_idx = l.number_idx
    left join disputer as d on d.number_idx = l.number_idx
)
select
    * exclude (tariff_no, exposed_on, is_victim, disputed_on, birth_year, region_code),
    (on_day - opened_on) * 12 // 365 as tenure_months,
    if(contract_kind = 'NONE' or on_day >= start_on + 730, 0, 1 + (start_on + 729 - on_day) // 30) as months_left,
    early_termination_fee(contract_kind, getvariable('tariff_fees')[tariff_no], getvariable('tariff_subsidies')[tariff_no],
        start_on, on_day) as fee_due,
    getvariable('tariff_codes')[tariff_no] as plan_code,
    year(on_day) - birth_year as age,
    region_code[:2] as area,
    case when exposed_on is null or on_day < getvariable('exposed_leave_from') or exposed_on >= on_day then 'NONE'
        when is_victim then 'VICTIM' else 'EXPOSED' end as exposure,
    coalesce(disputed_on < on_day, false)::int as disputes,
    household_size(line_idx) as household,
from known;
