-- The regulator's monthly counts, out on the 25th of the next month; the first delivery holds the older months.
-- port_balance: one row per month and other provider, the handsets that it gained from the operator and lost to it.
create table port_balance as
with moves as (
    select provider_of(group_name, number_idx) as provider, completed_at as moved_at, if(direction = 'OUT', 1, -1) as change
    from booking
    where line_type = 'HANDSET'
    union all
    select provider_of(group_name, number_idx), withdrawn_at, if(direction = 'OUT', -1, 1)
    from booking
    where line_type = 'HANDSET' and withdrawn_at is not null
)
select date_trunc('month', moved_at)::date as month, provider, sum(change)::bigint as change from moves group by all;

create view provider_line_counts_event as
with months as (
    select m::date as month
    from range(date_trunc('month', getvariable('history_from')), date_trunc('month', getvariable('last_day')) + interval 1 day,
        interval 1 month) as r(m)
),
-- what moved between the published month and this one: the operator's own handsets by every kind of flow, the others'
-- by their ports with it
own_change as (
    select m.month, coalesce(sum(if(f.month > getvariable('carrier_month'), f.change, -f.change)), 0)::bigint as change
    from months as m
    left join handset_flow as f
        on f.month > least(m.month, getvariable('carrier_month')) and f.month <= greatest(m.month, getvariable('carrier_month'))
    group by m.month
),
others_change as (
    select m.month, f.provider, coalesce(sum(if(f.month > getvariable('carrier_month'), f.change, -f.change)), 0)::bigint as change
    from months as m
    left join port_balance as f
        on f.month > least(m.month, getvariable('carrier_month')) and f.month <= greatest(m.month, getvariable('carrier_month'))
    group by m.month, f.provider
),
counted as (
    select
        c.provider,
        c.line_type,
        m.month,
        case when c.line_type = 'HANDSET' and c.provider = getvariable('operator') then c.lines + coalesce(own.change, 0)
            else round(c.lines * pow(1 + c.monthly_growth_pct / 100, datediff('month', getvariable('carrier_month'), m.month)))::bigint
                + if(c.line_type = 'HANDSET', coalesce(o.change, 0), 0)
        end as lines,
    from line_counts as c
    cross join months as m
    left join own_change as own on own.month = m.month
    left join others_change as o on o.month = m.month and o.provider = c.provider
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
