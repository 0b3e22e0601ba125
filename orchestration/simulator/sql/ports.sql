-- Ports. flow_plan: one row per day, direction and counterpart group. booking: one row per completed port of the
-- whole scenario (narrow). port: one row per port of the asked window, failed attempts included.
-- A number's identity (number_idx) decides who it is: below 13.6 M a line that is at KT from the start, from 20 M
-- on a number that comes in, from 30 M on a number that only tried to.

-- When a port was asked for and booked, from its key and the day under which it is booked.
create or replace macro port_lag_days(k, day) as (
    case
        when day = getvariable('closed_day') + 1 and draw_int('lag', k, 100) < 40 then 1
        when isodow(day) = 1 and draw_int('lag', k, 100) < 35 then 1
        when draw_int('lag', k, 100) < 74 then 0
        when draw_int('lag', k, 100) < 88 then 1
        else 2 + draw_int('longer lag', k, 5)
    end::int
);
create or replace macro port_requested_second(k) as 33000 + draw_int('requested', k, 27000);
create or replace macro port_requested_at(k, day) as
    instant(day - port_lag_days(k, day), port_requested_second(k));
create or replace macro port_completed_at(k, day) as instant(
    day,
    if(port_lag_days(k, day) = 0,
       port_requested_second(k) + 600 + floor((72900 - port_requested_second(k)) * draw_unit('completed', k)),
       34200 + floor(39000 * draw_unit('completed', k)))
);

create table group_base as
select * from (values ('SKT', 0), ('LGU', 1500000), ('MVNO', 3000000)) as t(group_name, base);

create table processing_day as
with days as (
    select d::date as day
    from range(
        (select min(strptime(month, '%Y-%m')) from ordinary_flows),
        (select max(strptime(month, '%Y-%m')) + interval 1 month from ordinary_flows),
        interval 1 day
    ) as r(d)
)
select
    day,
    strftime(day, '%Y-%m') as month,
    getvariable('port_counts_weekday')[isodow(day)] * (0.92 + 0.16 * draw_unit('day level', day)) as weight,
from days
where isodow(day) < 7 and day <> getvariable('closed_day');

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
    join processing_day as d using (month)
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
        p.*,
        g.base,
        floor(ports * case
            when direction = 'OUT' and group_name = 'SKT' and day >= getvariable('returners_from') then
                if(day between getvariable('waiver_from') and getvariable('waiver_to'),
                   getvariable('returner_share_waiver'), getvariable('returner_share_ordinary'))
            when direction = 'IN' and day >= getvariable('win_backs_from') then getvariable('win_back_share')
            else 0
        end)::bigint as known_numbers,
        case direction
            when 'IN' then group_name = 'SKT'
                and day between getvariable('returners_came_from') and getvariable('returners_came_to')
            else day between getvariable('win_backs_left_from') and getvariable('win_backs_left_to')
        end as is_source,
    from planned as p
    join group_base as g using (group_name)
),
final as (
    select
        *,
        -- bigint, since a sum is a hugeint, and arithmetic on those takes ten times as long
        (sum(ports) over before_it - ports)::bigint as first_port,
        (sum(known_numbers) over before_it - known_numbers)::bigint as first_known,
        (sum(ports - known_numbers) over before_it - (ports - known_numbers))::bigint as first_fresh,
    from shared
    window before_it as (partition by direction, group_name order by day)
)
select * from final order by day, direction, group_name;

-- The fresh numbers that may come back later: arrivals from SKT after its breach, and departures of that summer.
create table source_range as
select
    if(direction = 'IN', 'OUT', 'IN') as direction,
    group_name,
    min(first_fresh) as lowest,
    max(first_fresh + ports) - min(first_fresh) as size,
    any_value(base) as base,
from flow_plan
where is_source
group by all;

create table booking as
with expanded as (
    select
        p.direction,
        p.group_name,
        p.day as processed_on,
        p.is_source,
        p.base + p.first_port + i as port_no,
        port_no * 2 + (p.direction = 'IN')::int as k,
        i < p.known_numbers as is_known,
        case
            when i < p.known_numbers then s.base + s.lowest + ((p.first_known + i) * 1000003) % s.size
            else p.base + p.first_fresh + i - p.known_numbers
        end as person,
    from (select *, unnest(range(ports)) as i from flow_plan where ports > 0) as p
    left join source_range as s using (direction, group_name)
)
select
    direction,
    group_name,
    processed_on,
    port_no,
    person + if((direction = 'IN') = is_known, 0, 20000000) as number_idx,
    person + case when direction = 'OUT' and not is_known then 0 when direction = 'IN' and is_known then 50000000
        else 20000000 end as line_idx,
    case when not is_source and happens('withdrawn', k, getvariable('withdrawn_share'))
        then instant(processed_on + 1 + draw_int('withdrawn after', k, 13)::int,
                     32400 + draw_int('withdrawn at', k, 32000)) end as withdrawn_at,
    k,
from expanded
order by processed_on, k;  -- a join keeps no order, and days that lie together can be skipped together

create table port as
with asked as not materialized (  -- a materialized one would not keep the order
    select *
    from booking
    where processed_on between getvariable('history_from') and getvariable('last_day') + 7
),
completed as (
    select
        k,
        0 as attempt,
        direction,
        group_name,
        number_idx,
        'COMPLETED' as outcome,
        port_requested_at(k, processed_on) as requested_at,
        port_completed_at(k, processed_on) as ended_at,
        processed_on as around,
        processed_on,
        withdrawn_at,
    from asked
),
failed as (
    select
        k,
        attempt,
        direction,
        group_name,
        case when attempt = 1 then number_idx when direction = 'OUT' then (port_no + 4500000)
            else (port_no + 30000000) end as number_idx,
        processed_on as around,
        if(draw_int('outcome', k * 3 + attempt, 100) < 60, 'REJECTED', 'CANCELLED') as outcome,
        port_requested_at(k, processed_on) - to_days(1 + draw_int('tried before', k * 3 + attempt, 4)::int)
            - to_seconds(draw_int('tried at', k * 3 + attempt, 3600)) as requested_at,
    from asked
    cross join (values (1), (2)) as t(attempt)
    where happens('failed', k * 3 + attempt,
                  if(attempt = 1, getvariable('retry_share'), getvariable('failed_share')))
),
together as (
    select * from completed
    union all by name
    select *, requested_at + to_seconds(900 + draw_int('failed after', k * 3 + attempt, 20000)) as ended_at
    from failed
)
select
    'P' || lpad((((k * 3 + attempt) * 7368787 + getvariable('seed')) % 100000000000)::varchar, 11, '0') as port_id,
    direction,
    case
        when group_name <> 'MVNO' then group_name
        when draw_int('mvno', number_idx, 100) < 40 then 'KT_MVNO'
        when draw_int('mvno', number_idx, 100) < 75 then 'SKT_MVNO'
        else 'LGU_MVNO'
    end as other_provider,
    subscriber_number(number_idx) as subscriber,
    kind_of_line(number_idx) as line_type,
    outcome,
    case when outcome = 'REJECTED' then
        (['FREEZE_PERIOD', 'NAME_MISMATCH', 'UNPAID_BILL', 'AUTH_FAILED', 'STOLEN_DEVICE'])[
            1 + draw_int('reject code', k * 3 + attempt, 5)] end as reject_code,
    requested_at,
    case when requested_at >= getvariable('authenticated_from')
        and happens('authenticated', k * 3 + attempt, getvariable('authenticated_share'))
        then requested_at + to_seconds(60 + draw_int('authenticated after', k, 300)) end as authenticated_at,
    ended_at,
    processed_on,
    withdrawn_at,
    around,
    draw('port', k * 3 + attempt) as chance,
from together;

-- One row per state change, around the days from_day to to_day: a port lives within a month of its booking.
create view portability_events_event as
with life as (
    select
        *,
        event_no - if(event_no > 2 and authenticated_at is null, 1, 0) as event_seq,
        case event_no when 1 then 'REQUESTED' when 2 then 'AUTHENTICATED' when 3 then outcome else 'WITHDRAWN' end
            as status,
        case event_no when 1 then requested_at when 2 then authenticated_at when 3 then ended_at else withdrawn_at end
            as status_at,
    from port
    cross join (values (1), (2), (3), (4)) as e(event_no)
    where around between getvariable('from_day') - 31 and getvariable('to_day') + 31
)
select
    status_at::date as known_on,
    status_at as sort_at,
    hash(chance, event_seq) as chance,
    port_id,
    event_seq,
    subscriber,
    if(direction = 'OUT', getvariable('operator'), other_provider) as donor_provider,
    network_of(if(direction = 'OUT', getvariable('operator'), other_provider)) as donor_network,
    if(direction = 'IN', getvariable('operator'), other_provider) as recipient_provider,
    network_of(if(direction = 'IN', getvariable('operator'), other_provider)) as recipient_network,
    line_type,
    status,
    if(status = 'REJECTED', reject_code, null) as reject_code,
    requested_at,
    status_at,
    if(status in ('COMPLETED', 'WITHDRAWN'), processed_on, null) as processed_on,
from life
where status_at is not null;
