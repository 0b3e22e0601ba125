-- What the desk decided. A case is named after the first payment of its episode, which is the source's own identifier.
-- Some are watched for some days first; one in so many decisions names a case that is not there.
create view alert_dispositions_event as
with first_charge as (
    select exposed_no, arg_min(payment_id, (requested_at, payment_id)) as payment_id, max(requested_at) as last_charge_at
    from fraud_charge
    group by all
),
story as (
    select
        f.payment_id,
        'CONFIRMED' as disposition,
        greatest(
            getvariable('desk_from') + ((v.victim_rank - 1) // getvariable('desk_cases_a_day'))::int,
            f.last_charge_at::date + 2
        ) as worked_on,
    from announced_victim as v
    join first_charge as f using (exposed_no)
    where v.victim_rank <= getvariable('desk_cases')
),
-- what strikes the desk in any week is worked within days, by weekday
the_year as (
    select
        arg_min(c.payment_id, c.requested_at) as payment_id,
        if(any_value(c.is_fraud), 'CONFIRMED', 'CLEARED') as disposition,
        max(c.requested_at)::date + 1 + floor(8 * pow(draw_unit('worked after', c.episode_no), 2))::int as worked_on,
    from year_charge as c
    join year_episode as e using (episode_no)
    where c.outcome = 'SUCCEEDED' and e.is_striking and draw_int('desk takes', c.episode_no, 100) < e.desk_pct
    group by c.episode_no
),
cleared as (
    select payment_id, 'CLEARED' as disposition, day + 1 + floor(8 * pow(draw_unit('worked after', payment_id), 2))::int as worked_on
    from false_alarm
),
worked as (
    select
        *,
        hash(payment_id) as k,
        (getvariable('analysts'))[1 + draw_int('analyst', k, len(getvariable('analysts')))] as analyst,
        happens('watched', k, getvariable('watched_share')) as was_watched,
        draw_int('mistyped', k, getvariable('mistyped_case_every')) = 0 as is_mistyped,
    from (
        select * from story
        union all
        select * replace (worked_on + [0, 0, 0, 0, 0, 2, 1][isodow(worked_on)]::int as worked_on)
        from (from the_year union all from cleared)
    )
),
-- the cells of the story, five a day from the first one on which the desk works it
cells as (
    select
        'cell-' || cell_id as case_id,
        'CONFIRMED' as disposition,
        getvariable('desk_from') + ((row_number() over (order by cell_id) - 1) // 5)::int as day,
    from (select distinct cell_id from fraud_charge where cell_id in (select cell_id from rogue_cell))
),
-- a shop that charges unasked is watched once it stands out, and confirmed a week later
merchants as (
    select 'merchant-' || merchant_id as case_id, disposition, began_on + days as day
    from (select merchant_id, min(requested_at)::date as began_on from year_charge where kind = 'BAD_MERCHANT' group by all)
    cross join (values ('WATCH', 31), ('CONFIRMED', 38)) as d(disposition, days)
),
decisions as (
    select * replace ('WATCH' as disposition), worked_on as day from worked where was_watched
    union all
    select *, worked_on + if(was_watched, 3 + floor(24 * pow(draw_unit('watched for', k), 2))::int, 0) from worked
    union all
    select * replace (reverse(payment_id) as payment_id), worked_on from worked where is_mistyped
),
decided as (
    select
        *,
        instant(day, 32400 + draw_int('decided case at', hash(case_id, disposition), 30000)) as decided_at,
    from (
        select 'case-' || payment_id as case_id, disposition, day, analyst from decisions
        union all
        select *, (getvariable('analysts'))[1 + draw_int('analyst', hash(case_id), len(getvariable('analysts')))]
        from (from cells union all from merchants)
    )
)
select
    decided_at::date as known_on,
    decided_at as sort_at,
    hash(getvariable('seed'), case_id, disposition) as chance,
    case_id,
    disposition,
    decided_at,
    analyst,
from decided;
