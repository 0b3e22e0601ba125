-- How likely each reason of ending is among the lines that are known one by one, at the beginning of the period.
-- reach: one row per reason and kind of line: which part of the day's endings fall on known lines, and how long the
-- last of them may have to wait, and which part of all hazards is that of arrivals.
create or replace temp view at_risk as
select *, case when is_story then 1 when came_from in ('BASE', 'NEW') then 2 else 3 end as part
from life
where opened_at < getvariable('period_from') and withdrawn_at is null;

-- The sums of hazard ratios from a sample of some 10,000 lines of each part.
set variable strides = (
    with sizes as (select part, count(*) as lines from at_risk group by part)
    select list(greatest(1, coalesce(lines, 0) // 10000) order by p.part)
    from (select unnest([1, 2, 3]) as part) as p left join sizes using (part)
);
create or replace temp table sampled as
select * from at_risk anti join ended using (line_idx)
where draw_int('sampled', hash(line_idx, getvariable('period_no')), getvariable('strides')[part]) = 0;

create or replace temp table reach as
with described_sample as (
    select * from described('sampled', getvariable('period_from'))
),
ratio as (
    $ratios
),
ratios as (
    select
        reason,
        line_type,
        sum(getvariable('strides')[part] * ratio) as known,
        sum(getvariable('strides')[part] * ratio / if(part = 1, 1, getvariable('panel'))) as everybody,
        sum(getvariable('strides')[part] * ratio / getvariable('panel')) filter (part = 3) as arrivals,
    from ratio
    group by reason, line_type
),
endings as (
    select 'PORT_OUT' as reason, line_type from leaving_slot
    where processed_on between getvariable('period_from') and getvariable('period_to')
    union all
    select reason, line_type from ending_slot where day between getvariable('period_from') and getvariable('period_to')
),
slots as (select reason, line_type, count(*) as slots from endings group by all)
select
    reason,
    line_type,
    round(known / everybody, 9) as known_share,
    round(coalesce(arrivals / everybody, 0), 9) as arrival_share,
    slots * known_share as expected,
    (1.3 * expected + 8 * sqrt(expected) + 40) / known as longest_wait,
from ratios
join slots using (reason, line_type);
