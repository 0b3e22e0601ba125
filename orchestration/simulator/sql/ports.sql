-- Ports as the clearing house sees them. port: one row per port of the asked window, failed attempts included.
-- A number's identity (number_idx) decides who it is: below 13.6 M a line that was at the operator from the start, from
-- 14 M on a new one, from 20 M on a number that comes in, from 30 M on a number that only tried to.
set variable reject_codes_kept = (
    select list(reject_code order by reject_code, place) from (select reject_code, unnest(range(kept)) as place from reject_codes)
);
set variable reject_codes_retried = (
    select list(reject_code order by reject_code, place) from (select reject_code, unnest(range(retried)) as place from reject_codes)
);
set variable reject_codes_choked = (
    select list(reject_code order by reject_code, place) from (select reject_code, unnest(range(choked)) as place from reject_codes)
);

create or replace macro provider_of(group_name, number_idx) as
    case
        when group_name <> 'MVNO' then group_name
        when draw_int('mvno', number_idx, 100) < 40 then 'KT_MVNO'
        when draw_int('mvno', number_idx, 100) < 75 then 'SKT_MVNO'
        else 'LGU_MVNO'
    end;

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
        requested_at,
        completed_at as ended_at,
        processed_on as around,
        processed_on,
        withdrawn_at,
        if(direction = 'IN', line_idx, null) as sold_key,
    from asked
),
-- tried before it was completed, or given up by somebody else; on a choked day within hours
failed as (
    select
        k,
        attempt,
        direction,
        group_name,
        case when attempt = 1 then number_idx when direction = 'OUT' then draw_int('stays', k, getvariable('carrier_lines'))
            else port_no + 30000000 end as number_idx,
        is_choked(processed_on) as was_choked,
        if(draw_int('outcome', k * 4 + attempt, 100) < if(was_choked, 85, 60), 'REJECTED', 'CANCELLED') as outcome,
        if(was_choked, instant(processed_on, epoch(requested_at)::bigint % 86400 - 300 - draw_int('tried at', k * 4 + attempt, 5400)),
           requested_at - to_days(1 + draw_int('tried before', k * 4 + attempt, 4)::int)
               - to_seconds(draw_int('tried at', k * 4 + attempt, 3600))) as tried_at,
        tried_at + to_seconds(if(was_choked, 3600, 300) + draw_int('failed after', k * 4 + attempt, 20000)) as ended_at,
    from asked
    cross join (values (1), (2)) as t(attempt)
    where happens('failed', k * 4 + attempt,
        if(attempt = 1, getvariable('retry_share'), getvariable('failed_share'))
            * if(is_choked(processed_on), getvariable('choked_failed_factor'), 1))
),
-- wanted to go back before the freeze was over
too_early as (
    select
        k,
        3 as attempt,
        if(direction = 'IN', 'OUT', 'IN') as direction,
        group_name,
        number_idx,
        'REJECTED' as outcome,
        instant(processed_on + 3 + draw_int('too early', k, getvariable('freeze_days') - 8)::int, port_requested_second(k * 4 + 3))
            as tried_at,
        tried_at + to_seconds(60 + draw_int('failed after', k * 4 + 3, 600)) as ended_at,
    from asked
    where withdrawn_at is null and happens('too early', k, getvariable('too_early_share'))
),
together as (
    select * from completed
    union all by name
    select * exclude (tried_at), tried_at as requested_at, tried_at::date as around from failed
    union all by name
    select * exclude (tried_at), tried_at as requested_at, tried_at::date as around, false as was_choked from too_early
)
select
    'P' || lpad((((k * 4 + attempt) * 7368787 + getvariable('seed')) % 100000000000)::varchar, 11, '0') as port_id,
    direction,
    provider_of(group_name, number_idx) as other_provider,
    subscriber_number(number_idx) as subscriber,
    kind_of_line(number_idx) as line_type,
    outcome,
    case
        when outcome <> 'REJECTED' then null
        when attempt = 3 then 'FREEZE_PERIOD'
        when was_choked then draw_from('reject code', k * 4 + attempt, getvariable('reject_codes_choked'))
        when attempt = 1 then draw_from('reject code', k * 4 + attempt, getvariable('reject_codes_retried'))
        else draw_from('reject code', k * 4 + attempt, getvariable('reject_codes_kept'))
    end as reject_code,
    requested_at,
    case when requested_at >= getvariable('authenticated_from')
        and happens('authenticated', k * 4 + attempt, getvariable('authenticated_share'))
        then requested_at + to_seconds(least(
            60 + draw_int('authenticated after', k, 300), epoch(ended_at - requested_at)::bigint)) end as authenticated_at,
    ended_at,
    processed_on,
    withdrawn_at,
    around,
    coalesce(sold_key, 4000000000 + k * 4 + attempt) as sold_key,
    draw('port', k * 4 + attempt) as chance,
from together
order by around, chance;  -- the history is written in this order

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
    sales_channel_of(sold_key) as sales_channel,
    dealer_of(sold_key) as dealer_code,
from life
where status_at is not null;
