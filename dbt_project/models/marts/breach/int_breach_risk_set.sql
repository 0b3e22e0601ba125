with lives as (
    select * from {{ ref('int_breach_life') }}
),

periods as (
    select * from {{ ref('int_breach_period') }}
),

-- other days say nothing about the ratio
event_days as (
    select distinct
        incident_id,
        stratum,
        to_day as day
    from lives
    where ending = 'DEPARTED'
),

at_risk as (
    select
        event_days.incident_id,
        event_days.stratum,
        event_days.day,
        lives.line_group,
        sum(lives.lines) as lines,
        sum(case when lives.to_day = event_days.day and lives.ending = 'DEPARTED' then lives.lines else 0 end)
            as departures
    from event_days
    inner join lives
        on
            event_days.incident_id = lives.incident_id
            and event_days.stratum = lives.stratum
            and event_days.day > lives.from_day
            and event_days.day <= lives.to_day
    group by event_days.incident_id, event_days.stratum, event_days.day, lives.line_group
),

final as (
    select
        concerned.incident_id,
        concerned.line_group as concerned,
        periods.period,
        concerned.stratum,
        concerned.day,
        cast(concerned.lines as bigint) as at_risk_concerned,
        cast(control.lines as bigint) as at_risk_control,
        cast(concerned.departures as bigint) as departures_concerned,
        cast(control.departures as bigint) as departures_control
    from at_risk as concerned
    inner join at_risk as control
        on
            concerned.incident_id = control.incident_id
            and concerned.stratum = control.stratum
            and concerned.day = control.day
            and control.line_group = 'CONTROL'
    inner join periods
        on
            concerned.incident_id = periods.incident_id
            and concerned.day > periods.from_day
            and concerned.day <= periods.to_day
    where
        concerned.line_group <> 'CONTROL'
        and concerned.departures + control.departures > 0
)

select * from final
