-- port_slot: one row per completed port of the whole scenario, with everything that does not depend on who it is. Whoever
-- comes in for the first time has a number of its own; who leaves, and who comes back, is chosen period by period.
-- A port's key k is its place among those of its direction and group.
set variable port_hours = (
    select list(hour order by hour, place) from (select hour, unnest(range(weight)) as place from port_hours)
);

create or replace macro is_choked(day) as list_contains(getvariable('choked_days'), day);
create or replace macro port_requested_second(k) as
    draw_from('requested', k, getvariable('port_hours')) * 3600 + draw_int('requested at', k, 3500);

-- A port in that is withdrawn within hours and asked for again: the second takes the first one's number. A port is the
-- i-th of its day; those that come back are first, and are left out.
create or replace macro may_be_again(k, i, returns) as
    k % 2 = 1 and i > returns and happens('again', k, getvariable('port_again_share'));
create or replace macro is_again(k, i, returns) as
    may_be_again(k, i, returns) and not may_be_again(k - 2, i - 1, returns);
create or replace macro comes_again(k, i, returns, ports) as
    i + 1 < ports and i >= returns and may_be_again(k + 2, i + 1, returns) and not may_be_again(k, i, returns);
create or replace macro withdrawn_after_days(k) as
    if(happens('withdrawn', k, getvariable('withdrawn_share')), 1 + draw_int('withdrawn after', k, 13), null)::int;

create table port_slot as
with days as (
    select
        *,
        is_choked(day) as is_choked,
        day = getvariable('closed_day') + 1 as is_behind_closed_day,
        isodow(day) = 1 as is_monday,
        is_choked(day) or is_choked(day - 1) as is_slow,
    from flow_plan
    where day between getvariable('world_opens') and getvariable('last_day') + 31
),
expanded as (
    select
        direction,
        group_name,
        day as processed_on,
        base + first_port + i as port_no,
        port_no * 2 + (direction = 'IN')::int as k,
        direction = 'IN' and i < returns as is_return,
        is_again(k, i, returns) as is_again,
        comes_again(k, i, returns, ports) as comes_again,
        if(direction = 'IN' and i >= returns, base + first_fresh + i - returns + 20000000, null) as fresh_number_idx,
        is_choked,
        is_monday,
        draw_int('lag', k, 100) as lag_class,
        -- days since it was asked for; a clearing house that chokes finishes on the next day what it was asked for
        case
            when is_behind_closed_day and lag_class < 40 then 1
            when is_monday and lag_class < 24 then 1
            when is_slow and lag_class < 55 then if(is_monday, 2, 1)
            when lag_class < 80 then 0
            when lag_class < 91 then if(is_monday, 2, 1)
            else 2 + draw_int('longer lag', k, 5)
        end::int as lag_days,
        port_requested_second(k) as second,
        draw_unit('completed', k) as completed_draw,
    from (select *, unnest(range(ports)) as i from days)
),
judged as (
    select
        * exclude (fresh_number_idx),
        fresh_number_idx - is_again::int as number_idx,
        if(lag_days = 0,
            second + 300 + floor((73800 - second) * pow(completed_draw, if(is_choked, 0.6, 2.5))),
            34200 + floor(39000 * pow(completed_draw, if(is_choked, 1, 1.5)))
        ) as completed_second,
    from expanded
)
select
    direction,
    group_name,
    processed_on,
    port_no,
    k,
    is_return,
    is_again,
    number_idx,
    'HANDSET' as line_type,
    case
        when comes_again then instant(processed_on, 32400 + second % 3000)
        when is_again then instant(processed_on, 46800 + second % 7000)
        else instant(processed_on - lag_days, second)
    end as requested_at,
    instant(processed_on, case
        when comes_again then 36000 + second % 3000
        when is_again then 55000 + second % 15000
        else completed_second
    end) as completed_at,
    case
        when comes_again then instant(processed_on, 39600 + second % 5000)
        else instant(processed_on + withdrawn_after_days(k), 32400 + draw_int('withdrawn at', k, 32000))
    end as withdrawn_at,
from judged;

-- Ends and beginnings that are no ports.
create or replace macro ending_kind(chance) as
    case when chance % 1000 < 985 then 'HANDSET' when chance % 1000 < 997 then 'SECOND_DEVICE' else 'IOT' end;

create table ending_slot as
select flow as reason, day, draw(flow, first_line + i) as chance, ending_kind(chance) as line_type,
from (select *, unnest(range(lines)) as i from line_flow_plan where flow <> 'NEW');
