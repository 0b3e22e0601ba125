{{ config(materialized='view') }}
{#- How many months' beginnings are looked back on, to learn from and to be judged by. -#}
{%- set months = 7 -%}
{%- set lines_to = data_end('subscriptions', [ref('int_subscription_interval')]) -%}
{%- set lines_from = data_start('subscriptions', [ref('int_subscription_interval')]) -%}
{%- set ports_to = data_end('portability_events', [ref('fct_port')]) -%}

-- Of the days before its first delivery, billing knows survivors only: its first month begins on the morning after.
-- What that month and the next have in common counts in both; each has a level of its own.
with begun as (
    select greatest(cast(date_trunc('month', date_day) as date), {{ lines_from }} + 1) as month_from
    from {{ ref('dim_date') }}
    where date_day between {{ lines_from }} and {{ lines_to }}
),

past as (
    select
        month_from as snapshot_on,
        false as is_today,
        {{ days_between('month_from', ports_to) }} >= {{ horizon_days() }} as is_over
    from begun
    where
        month_from <= {{ lines_to }}
        and {{ full_months_between('month_from', lines_to) }} < {{ months }}
    group by month_from
),

-- while a waiver of the group runs, others leave, and more of them: no month to learn ordinary ones from
waivers as (
    select * from {{ ref('int_waiver') }}
),

ordinary as (
    select
        past.snapshot_on,
        count(waivers.incident_id) = 0 as is_ordinary
    from past
    left join waivers
        on
            past.snapshot_on <= waivers.ends_on
            and {{ days_between('past.snapshot_on', 'waivers.starts_on') }} < {{ horizon_days() }}
    group by past.snapshot_on
),

final as (
    select
        past.snapshot_on,
        past.is_today,
        past.is_over,
        ordinary.is_ordinary,
        past.snapshot_on as trained_for
    from past
    inner join ordinary on past.snapshot_on = ordinary.snapshot_on
    union all
    -- the morning after the last delivery, with the model of its month
    select
        {{ lines_to }} + 1 as snapshot_on,
        true as is_today,
        false as is_over,
        false as is_ordinary,
        max(snapshot_on) as trained_for
    from past
)

select * from final
where trained_for is not null
