-- Which numbers come back during the period: of those that left for that group more than a freeze before.
create or replace temp table coming_back as
with wanted as (
    select k, group_name, completed_at, withdrawn_at, row_number() over (partition by group_name order by k) as nth
    from port_slot
    where is_return and processed_on between getvariable('period_from') and getvariable('period_to')
),
away as (
    select k, group_name, stranger_idx, draw('comes back', hash(k, getvariable('period_no'))) as chance
    from leaving_slot
    where line_type = 'HANDSET' and withdrawn_at is null
        and processed_on + getvariable('freeze_days') <= getvariable('period_from')
        and draw_int('may come back', hash(k, getvariable('period_no')), 5) = 0
        and exists (from wanted)
),
ranked as (
    select *, row_number() over (partition by group_name order by chance, k) as nth
    from away
    anti join returned using (k)
)
select
    w.*,
    r.k as left_with,
    -- a number's next line at the operator is a line of its own
    coalesce(c.line_idx, r.stranger_idx) + 100000000 as line_idx,
    coalesce(c.number_idx, r.stranger_idx) as number_idx,
from wanted as w
left join ranked as r using (group_name, nth)
left join chosen as c on c.k = r.k;

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
