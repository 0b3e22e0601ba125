-- Which numbers come back during the period: of those that left for that group more than a freeze before, and some that
-- left under the waiver, for which the freeze was lifted.
create or replace temp table coming_back as
with wanted as (
    select
        k,
        group_name,
        completed_at,
        withdrawn_at,
        getvariable('period_from') > getvariable('waiver_to') and happens('round trip', k, getvariable('round_trip_share'))
            as is_round_trip,
        row_number() over (partition by group_name, is_round_trip order by k) as nth,
    from port_slot
    where is_return and processed_on between getvariable('period_from') and getvariable('period_to')
),
away as (
    select
        k,
        group_name,
        stranger_idx,
        processed_on between getvariable('waiver_from') and getvariable('waiver_to') as is_round_trip,
        draw('comes back', hash(k, getvariable('period_no'))) as chance,
    from leaving_slot
    where line_type = 'HANDSET' and withdrawn_at is null
        and processed_on + if(is_round_trip, 4, getvariable('freeze_days')) <= getvariable('period_from')
        and draw_int('may come back', hash(k, getvariable('period_no')), 5) = 0
        and exists (from wanted)
),
known as (
    select
        a.* exclude (stranger_idx),
        -- a number's next line at the operator is a line of its own
        coalesce(c.line_idx, a.stranger_idx) + 100000000 as line_idx,
        coalesce(c.number_idx, a.stranger_idx) as number_idx,
        number_idx >= 20000000 and happens('to and fro', number_idx, getvariable('to_and_fro_share')) as is_first,
    from away as a
    anti join returned using (k)
    left join chosen as c using (k)
),
ranked as (
    select *, row_number() over (partition by group_name, is_round_trip order by is_first desc, chance, k) as nth from known
)
select w.*, r.k as left_with, r.line_idx, r.number_idx
from wanted as w
left join ranked as r using (group_name, is_round_trip, nth);

insert into returned
select left_with from coming_back;

insert into chosen
select k, line_idx, number_idx from coming_back order by k;

insert into life by name
select
    line_idx,
    number_idx,
    'HANDSET' as line_type,
    completed_at + interval 10 minute as opened_at,
    withdrawn_at,
    group_name as came_from,
    false as is_story,
from coming_back
where is_billed(line_idx)
order by line_idx;
