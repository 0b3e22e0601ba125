with lives as (
    select * from {{ ref('int_breach_life') }}
),

periods as (
    select * from {{ ref('int_breach_period') }}
),

hazards as (
    select * from {{ ref('int_breach_hazard') }}
),

strata as (
    select
        lives.incident_id,
        periods.period,
        periods.period_starts_on,
        periods.period_ends_on,
        lives.line_group,
        lives.stratum,
        sum(lives.lines) as lines,
        sum(
            lives.lines * (least(lives.to_day, periods.to_day) - greatest(lives.from_day, periods.from_day))
        ) as line_days,
        coalesce(sum(lives.lines) filter (
            where lives.ending = 'DEPARTED' and lives.to_day <= periods.to_day
        ), 0) as departures,
        coalesce(sum(lives.lines) filter (
            where lives.ending = 'ENDED' and lives.to_day <= periods.to_day
        ), 0) as other_endings
    from lives
    inner join periods
        on
            lives.incident_id = periods.incident_id
            and lives.from_day < periods.to_day
            and lives.to_day > periods.from_day
    group by
        lives.incident_id,
        periods.period,
        periods.period_starts_on,
        periods.period_ends_on,
        lives.line_group,
        lives.stratum
),

-- what a group's departures would have been, had it left as its matched controls did
matched as (
    select
        own.*,
        control.line_days is not null as is_matched,
        own.line_days * control.departures / control.line_days as departures_as_controls
    from strata as own
    left join strata as control
        on
            own.incident_id = control.incident_id
            and own.period = control.period
            and own.stratum = control.stratum
            and control.line_group = 'CONTROL'
),

grouped as (
    select
        incident_id,
        line_group,
        period,
        period_starts_on,
        period_ends_on,
        cast(sum(lines) as bigint) as lines,
        cast(sum(line_days) as bigint) as line_days,
        cast(sum(departures) as bigint) as departures,
        cast(sum(other_endings) as bigint) as other_endings,
        36525e0 * sum(departures) / sum(line_days) as departures_per_100_line_years,
        36525e0 * sum(other_endings) / sum(line_days) as other_endings_per_100_line_years,
        36525e0 * sum(departures_as_controls) / sum(case when is_matched then line_days end)
            as control_departures_per_100_line_years,
        100e0 * sum(case when is_matched then lines else 0 end) / sum(lines) as matched_lines_pct
    from matched
    group by incident_id, line_group, period, period_starts_on, period_ends_on
),

final as (
    select
        grouped.incident_id,
        grouped.line_group,
        grouped.period,
        grouped.period_starts_on,
        grouped.period_ends_on,
        grouped.lines,
        grouped.line_days,
        grouped.departures,
        grouped.other_endings,
        grouped.departures_per_100_line_years,
        grouped.other_endings_per_100_line_years,
        case when grouped.line_group <> 'CONTROL' then grouped.control_departures_per_100_line_years end
            as control_departures_per_100_line_years,
        case when grouped.line_group <> 'CONTROL' then grouped.matched_lines_pct end as matched_lines_pct,
        hazards.hazard_ratio,
        hazards.hazard_ratio_low,
        hazards.hazard_ratio_high,
        hazards.proportionality_p_value
    from grouped
    left join hazards
        on
            grouped.incident_id = hazards.incident_id
            and grouped.line_group = hazards.concerned
            and grouped.period = hazards.period
)

select * from final
