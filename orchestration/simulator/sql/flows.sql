-- The world begins with the period of the oldest port that is asked for, and everybody who is there then was there before.
set variable world_opens = (
    select coalesce(max(from_day) filter (from_day <= getvariable('history_from')), min(from_day)) from leaving_periods
);

-- How many lines move on each day, before anybody is chosen. flow_plan: one row per day, direction and counterpart
-- group of the ports. line_flow_plan: one row per day and kind of the other beginnings and endings.
create table group_base as
select * from (values ('SKT', 0), ('LGU', 1500000), ('MVNO', 3000000)) as t(group_name, base);

-- Days on which ports are booked. A day's weight is its weekday's and its holiday's; behind a holiday comes what was
-- not asked for on it.
create table processing_day as
with days as (
    select d::date as day
    from range(
        (select min(strptime(month, '%Y-%m')) from ordinary_flows),
        (select max(strptime(month, '%Y-%m')) + interval 1 month from ordinary_flows),
        interval 1 day
    ) as r(d)
),
booked as (
    select day, h.port_level
    from days
    left join holidays as h using (day)
    where isodow(day) < 7 and day <> getvariable('closed_day')
)
select
    day,
    strftime(day, '%Y-%m') as month,
    row_number() over in_order as day_no,
    getvariable('port_counts_weekday')[isodow(day)] * coalesce(port_level, 1) * if(
        port_level is null and lag(port_level) over in_order is not null, getvariable('port_counts_after_holiday'), 1
    ) as weight,
from booked
window in_order as (order by day);

-- What moves a whole market for some days: an autoregressive level, one for all flows, one for each direction, and what
-- a single day adds. The sum of three draws stands in for a normal one.
create or replace macro draw_normal(tag, k) as
    2 * (draw_unit(tag || ' 1', k) + draw_unit(tag || ' 2', k) + draw_unit(tag || ' 3', k) - 1.5);
create or replace macro level_of_day(series, day_no) as list_sum([
    draw_normal(series, day_no - lag) * pow(getvariable('port_level_memory'), lag) for lag in range(20)
]) * sqrt(1 - getvariable('port_level_memory') * getvariable('port_level_memory'));

create table flow_weight as
select
    d.day,
    d.month,
    f.direction,
    f.group_name,
    d.weight * greatest(0.3, 1
        + getvariable('port_level_sd') * level_of_day('market', d.day_no)
        + getvariable('port_level_sd') * level_of_day(f.direction, d.day_no)
        + getvariable('port_day_sd') * draw_normal(f.direction || f.group_name, d.day_no)) as weight,
from processing_day as d
cross join (select distinct direction, group_name from ordinary_flows) as f;

create table flow_plan as
with waiver_outs as (
    unpivot (
        select processed_on as day, to_skt as SKT, to_lgu as LGU, to_mvno as MVNO from waiver_daily
    ) on SKT, LGU, MVNO into name group_name value ports
),
waiver_weights as (
    select
        w.group_name,
        d.processed_on as day,
        w.ports,
        sum(d.port_outs) over (partition by w.group_name order by d.processed_on) as reached,
        sum(d.port_outs) over (partition by w.group_name) as total,
    from waiver_port_ins as w
    cross join waiver_daily as d
),
waiver_ins as (
    select
        day,
        group_name,
        (round(ports * reached / total)
            - round(ports * lag(reached, 1, 0) over (partition by group_name order by day) / total))::bigint as ports,
    from waiver_weights
),
pinned as (
    select day, 'OUT' as direction, group_name, ports from waiver_outs where ports > 0
    union all
    select day, 'IN', group_name, ports from waiver_ins where ports > 0
    union all
    select processed_on, direction, group_name, ports from pinned_days
),
ordinary_weights as (
    select
        f.direction,
        f.group_name,
        f.month,
        d.day,
        f.ports,
        sum(d.weight) over (partition by f.direction, f.group_name, f.month order by d.day) as reached,
        sum(d.weight) over (partition by f.direction, f.group_name, f.month) as total,
    from ordinary_flows as f
    join flow_weight as d using (month, direction, group_name)
    left join pinned as p on p.day = d.day and p.direction = f.direction and p.group_name = f.group_name
    where p.day is null and d.day not between getvariable('waiver_from') and getvariable('waiver_to')
),
ordinary as (
    select
        day,
        direction,
        group_name,
        (round(ports * reached / total) - round(
            ports * lag(reached, 1, 0.0) over (partition by direction, group_name, month order by day) / total
        ))::bigint as ports,
    from ordinary_weights
),
planned as (
    select day, direction, group_name, ports from pinned
    union all
    select day, direction, group_name, ports from ordinary
),
shared as (
    select
        *,
        if(direction = 'IN' and day >= getvariable('world_opens') + getvariable('returns_after_days'), floor(ports * getvariable('return_share')), 0)::bigint
            as returns,
    from planned
    join group_base using (group_name)
)
select
    *,
    -- bigint, since a sum is a hugeint, and arithmetic on those takes ten times as long
    (sum(ports) over before_it - ports)::bigint as first_port,
    (sum(ports - returns) over before_it - (ports - returns))::bigint as first_fresh,
from shared
window before_it as (partition by direction, group_name order by day)
order by day, direction, group_name;

create table line_flow_plan as
with monthly as (
    unpivot (select month, new_lines as NEW, voluntary as VOLUNTARY, ex_officio as EX_OFFICIO from line_flows)
    on NEW, VOLUNTARY, EX_OFFICIO into name flow value lines
),
days as (
    select d::date as day, strftime(d, '%Y-%m') as month, getvariable('line_counts_weekday')[isodow(d)] as weight
    from range(
        (select min(day) from processing_day), (select max(day) + interval 1 day from processing_day), interval 1 day
    ) as r(d)
),
reached as (
    select
        m.*,
        d.day,
        sum(d.weight) over (partition by m.month, m.flow order by d.day) as reached,
        sum(d.weight) over (partition by m.month, m.flow) as total,
    from monthly as m
    join days as d using (month)
),
final as (
    select
        day,
        flow,
        (round(lines * reached / total)
            - round(lines * lag(reached, 1, 0.0) over (partition by month, flow order by day) / total))::bigint as lines,
    from reached
)
select *, (sum(lines) over (partition by flow order by day) - lines)::bigint as first_line
from final
order by day, flow;
