with lives as (
    select * from {{ ref('int_breach_life') }}
),

sides as (
    select
        *,
        line_group as concerned,
        lines as lines_concerned,
        0 as lines_control
    from lives
    where line_group <> 'CONTROL'
    union all
    select
        lives.*,
        groups.concerned,
        0 as lines_concerned,
        lives.lines as lines_control
    from lives
    cross join (values ('VICTIM'), ('EXPOSED')) as groups (concerned)
    where lives.line_group = 'CONTROL'
),

days as (
    select
        {{ breach_stratum() }},
        concerned,
        duration_days,
        sum(lines_concerned) as lines_concerned,
        sum(lines_control) as lines_control,
        cast(sum(case when has_departed then lines_concerned else 0 end) as bigint) as departures_concerned,
        cast(sum(case when has_departed then lines_control else 0 end) as bigint) as departures_control
    from sides
    group by {{ breach_stratum() }}, concerned, duration_days
),

at_risk as (
    select
        {{ breach_stratum() }},
        concerned,
        duration_days,
        departures_concerned,
        departures_control,
        cast(sum(lines_concerned) over from_that_day as bigint) as at_risk_concerned,
        cast(sum(lines_control) over from_that_day as bigint) as at_risk_control
    from days
    window from_that_day as (partition by {{ breach_stratum() }}, concerned order by duration_days desc)
),

-- other days say nothing about the ratio
final as (
    select * from at_risk
    where
        departures_concerned + departures_control > 0
        and at_risk_concerned > 0
        and at_risk_control > 0
)

select * from final
