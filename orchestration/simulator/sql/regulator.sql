-- The regulator's monthly counts, out on the 25th of the next month; the first delivery holds the older months.
create view provider_line_counts_event as
with months as (
    select m::date as month
    from range(date_trunc('month', getvariable('history_from')), date_trunc('month', getvariable('last_day')) + interval 1 day,
        interval 1 month) as r(m)
),
counted as (
    select
        c.provider,
        c.line_type,
        m.month,
        round(c.lines * pow(1 + c.monthly_growth_pct / 100, datediff('month', date '2025-12-01', m.month)))::bigint
            as lines,
    from line_counts as c
    cross join months as m
)
select
    greatest((month + interval 1 month)::date + 24, getvariable('first_day')) as known_on,
    month::timestamp as sort_at,
    hash(provider, line_type, month) as chance,
    month,
    provider,
    line_type,
    lines,
from counted;
