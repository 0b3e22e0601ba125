with effects as (
    select * from {{ ref('int_incident_effect') }}
    where is_in_window
),

trends as (
    select * from effects
    where specification = 'TREND'
),

final as (
    select
        effects.incident_id,
        effects.date_day,
        effects.provider_group,
        effects.is_processing_day,
        effects.port_outs,
        effects.baseline_port_outs,
        effects.baseline_low,
        effects.baseline_high,
        effects.excess_port_outs,
        effects.port_outs_cumulative,
        effects.baseline_cumulative,
        effects.baseline_cumulative_low,
        effects.baseline_cumulative_high,
        effects.excess_port_outs_cumulative,
        effects.excess_cumulative_low,
        effects.excess_cumulative_high,
        trends.baseline_port_outs as baseline_port_outs_with_trend,
        trends.excess_port_outs_cumulative as excess_cumulative_with_trend,
        trends.excess_cumulative_low as excess_cumulative_with_trend_low,
        trends.excess_cumulative_high as excess_cumulative_with_trend_high,
        effects.missing_days,
        effects.baseline_days,
        effects.placebo_windows,
        effects.placebo_coverage_pct,
        effects.note
    from effects
    inner join trends
        on
            effects.incident_id = trends.incident_id
            and effects.date_day = trends.date_day
    where effects.specification = 'LEVEL'
)

select * from final
