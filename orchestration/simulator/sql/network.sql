-- The carrier's cells. cell: one row per cell of the registry. Of every hundred femtocells, ninety stand all the
-- time ('STEADY', the ones that honest payments use), the others come, go, or are put on the list a day late.
create table cell as
with counts as (
    select
        greatest(300, round(getvariable('femto_cells') * getvariable('panel')))::bigint as femtos,
        greatest(60, round(getvariable('macro_cells') * getvariable('panel')))::bigint as macros,
),
numbered as (
    select 'FEMTO' as kind, unnest(range(femtos)) as cell_no from counts
    union all
    select 'MACRO', unnest(range(macros)) from counts
),
fated as (
    select
        *,
        cell_no * 2 + (kind = 'MACRO')::int as k,
        case
            when kind = 'MACRO' or cell_no % 100 < 90 then 'STEADY'
            when cell_no % 100 < 94 then 'REMOVED'
            when cell_no % 100 < 98 then 'NEW'
            else 'LATE'
        end as fate,
    from numbered
),
dated as (
    select
        *,
        date '2018-01-01' + draw_int('cell since', k, 2300)::int as steady_on,
        if(fate = 'LATE', getvariable('late_cells_from') + draw_int('cell late', k, 200)::int,
           getvariable('world_from') + draw_int('cell change', k, 560)::int) as change_on,
    from fated
),
final as (
    select
        if(kind = 'FEMTO', femto_identifier(cell_no), macro_identifier(cell_no)) as cell_id,
        kind,
        draw_from('cell region', k, getvariable('region_codes')) as region_code,
        fate,
        if(fate in ('NEW', 'LATE'), change_on, steady_on) as registered_on,
        if(fate = 'REMOVED', change_on, null) as deregistered_on,
        k,
    from dated
)
select * from final order by k;

create table serving_cell as
select
    cell_id,
    region_code,
    row_number() over (partition by region_code order by k) - 1 as nth,
    count(*) over (partition by region_code) as of_region,
    row_number() over (order by k) - 1 as overall,
    count(*) over () as of_all,
from cell
where fate = 'STEADY';
set variable serving_cells = (select count(*) from serving_cell);

-- Cells that served customers on the day before they were put on the list.
create table late_cell as
select cell_id, region_code, registered_on - 1 as served_on from cell where fate = 'LATE';

create view cell_registry_event as
select
    d.day as known_on,
    d.day::timestamp + to_seconds(c.k) as sort_at,
    hash(c.k, d.day) as chance,
    c.cell_id,
    c.kind,
    c.region_code,
    c.registered_on,
    if(c.deregistered_on <= d.day, c.deregistered_on, null) as deregistered_on,
from (select unnest(range(getvariable('from_day')::date, getvariable('to_day')::date + 1, interval 1 day))::date as day) as d
join cell as c
    on c.registered_on <= d.day and (c.deregistered_on is null or d.day <= c.deregistered_on + 30);
