-- Whose lines end during the period for one reason. How many do on each day is given; who they are is drawn without
-- replacement with odds in proportion to their hazards: everybody waits for a time that is exponential with the hazard
-- ratio as its rate, and those who wait least are first. Only a part of the carrier is known line by line, so of the
-- day's endings as many fall on known lines as their share of all hazards.
-- $reason, $risk (the macro of its hazard ratios) and $least_days (since the line was opened) are filled in.
create or replace temp table ending as
select reason, line_type, day, (chance >> 1)::bigint as k, null as group_name
from ending_slot
where reason = '$reason' and day between getvariable('period_from') and getvariable('period_to')
union all
select 'PORT_OUT', line_type, processed_on, k, group_name
from leaving_slot
where '$reason' = 'PORT_OUT' and processed_on between getvariable('period_from') and getvariable('period_to');

create or replace temp table known_ending as
select e.*, row_number() over (partition by e.line_type order by e.day, e.k) as nth
from ending as e
join reach as r using (reason, line_type)
where draw_exact('known', e.k) < r.known_share;

-- Whoever cannot be among the first even at the highest ratio need not be described.
create or replace temp table candidate as
select a.*, r.longest_wait,
    -ln(1 - draw_exact('$reason', hash(
        if('$reason' = 'PORT_OUT' and happens('moves with others', a.line_idx, getvariable('household_share')),
           1000000000 + household_of(a.line_idx), a.line_idx),
        getvariable('period_no')))) as waited,
from at_risk as a
join reach as r on r.reason = '$reason' and r.line_type = a.line_type
where a.opened_at::date + $least_days <= getvariable('period_from')
    and waited <= r.longest_wait * getvariable('highest_ratio');

create or replace temp table leaver as
with waiting as (
    select *, waited / $risk as wait,
    from described('candidate', getvariable('period_from'))
    anti join ended using (line_idx)
),
ranked as (
    select *, row_number() over (partition by line_type order by wait, line_idx) as nth
    from waiting
    where wait <= longest_wait
)
select
    e.reason,
    e.day,
    e.k,
    e.group_name,
    r.* exclude (nth),
    draw_exact('to an mvno', hash(r.line_idx, 1)) as mvno_draw,
    draw_exact('to lgu', hash(r.line_idx, 1)) as lgu_draw,
from known_ending as e
join ranked as r using (line_type, nth);
