{{ config(materialized='view') }}

with snapshots as (
    select * from {{ ref('int_propensity_snapshot') }}
    where is_over
),

cells as (
    select * from {{ ref('int_propensity_cell') }}
),

levels as (
    select * from {{ ref('int_propensity_model') }}
    where feature = 'INTERCEPT'
),

days as (
    select
        date_day,
        sum(port_outs) as port_outs
    from {{ ref('provider_daily') }}
    group by date_day
),

waivers as (
    select * from {{ ref('int_waiver') }}
),

learnt as (
    select
        snapshots.snapshot_on,
        sum(cells.departures) as departures_learnt
    from snapshots
    inner join cells on snapshots.snapshot_on >= cells.known_by
    group by snapshots.snapshot_on
),

-- at each beginning of month that the port log covers: departures of as many days before and after it
months as (
    select date_day as month
    from days
    where extract(day from date_day) = 1
),

turns as (
    select
        months.month,
        sum(case when days.date_day < months.month then days.port_outs else 0 end) as port_outs_before,
        sum(case when days.date_day >= months.month then days.port_outs else 0 end) as port_outs_after
    from months
    inner join days
        on
            days.date_day >= months.month - {{ horizon_days() }}
            and days.date_day < months.month + {{ horizon_days() }}
    group by months.month
    having count(*) = 2 * {{ horizon_days() }}
),

-- while a waiver runs they are others, and more of them
moves as (
    select
        turns.month,
        ln(1e0 * turns.port_outs_after / turns.port_outs_before) as moved
    from turns
    left join waivers
        on
            waivers.starts_on < turns.month + {{ horizon_days() }}
            and waivers.ends_on >= turns.month - {{ horizon_days() }}
    where
        waivers.incident_id is null
        and turns.port_outs_before > 0
        and turns.port_outs_after > 0
),

spreads as (
    select
        snapshots.snapshot_on,
        sqrt(avg(moves.moved * moves.moved)) as level_spread
    from snapshots
    inner join moves on snapshots.snapshot_on >= moves.month + {{ horizon_days() }}
    group by snapshots.snapshot_on
),

final as (
    select
        cast(levels.trained_for as date) as snapshot_on,
        cast(learnt.departures_learnt as bigint) as departures_learnt,
        levels.departures as departures_of_level,
        coalesce(spreads.level_spread, 0) as level_spread
    from levels
    inner join learnt on levels.trained_for = learnt.snapshot_on
    left join spreads on levels.trained_for = spreads.snapshot_on
)

select * from final
