-- Where those who leave with their number go. The day's places at each destination are given: those with the greatest
-- chance of an MVNO take its places, of the others those with the greatest chance of LGU+ the places there. The noise
-- is logistic, so that the odds of a destination are as the effects say.
create or replace temp table departed as
with chosen as (
    select
        *,
        count(*) filter (group_name = 'MVNO') over (partition by day, line_type) as mvno_places,
        count(*) filter (group_name = 'LGU') over (partition by day, line_type) as lgu_places,
        row_number() over (
            partition by day, line_type order by ln(mvno_draw / (1 - mvno_draw)) - ln($odds_mvno), line_idx
        ) as mvno_rank,
    from leaver
),
heading as (
    select
        *,
        row_number() over (
            partition by day, line_type, mvno_rank <= mvno_places
            order by ln(lgu_draw / (1 - lgu_draw)) - ln($odds_lgu), line_idx
        ) as lgu_rank,
        case when mvno_rank <= mvno_places then 'MVNO' when lgu_rank <= lgu_places then 'LGU' else 'SKT' end as goes_to,
    from chosen
),
person as (
    select *, row_number() over (partition by day, line_type, goes_to order by line_idx) as nth from heading
),
place as (
    select k, day, line_type, group_name, row_number() over (partition by day, line_type, group_name order by k) as nth
    from leaver
)
select l.k, p.line_idx, p.number_idx
from place as l
join person as p on p.day = l.day and p.line_type = l.line_type and p.goes_to = l.group_name and p.nth = l.nth;

-- Of the others, as many came in before as their share of all hazards; each of them has one period in which it may.
create or replace temp table visitor as
with wanted as (
    select e.*, row_number() over (partition by e.line_type, e.group_name order by e.k) as nth
    from ending as e
    anti join departed as d using (k)
    join reach as r using (reason, line_type)
    where draw_exact('came in before', e.k) < r.arrival_share
),
restless as (
    select *, row_number() over (partition by line_type, group_name order by draw('leaves again', k), k) as nth
    from port_slot
    where direction = 'IN' and not is_return and not is_again and withdrawn_at is null and not is_billed(number_idx)
        and completed_at::date + getvariable('freeze_days') <= getvariable('period_from')
        and draw_int('restless', k, getvariable('periods')) = getvariable('period_no')
)
select w.k, r.number_idx as line_idx, r.number_idx
from wanted as w
join restless as r using (line_type, group_name, nth);

insert into chosen
select * from (from departed union all from visitor)
order by k;

insert into ended by name
select
    d.line_idx,
    'PORT_OUT' as reason,
    s.processed_on as ended_on,
    s.completed_at + interval 10 minute as closed_at,
    s.withdrawn_at + interval 10 minute as back_at,
    getvariable('period_no') as period_no,
from departed as d
join leaving_slot as s using (k)
order by d.k;
