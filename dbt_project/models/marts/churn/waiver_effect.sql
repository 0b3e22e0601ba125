with effects as (
    select * from {{ ref('int_incident_effect') }}
    where is_in_window
),

final as (
    select
        incident_id,
        date_day,
        provider_group,
        is_processing_day,
        port_outs,
        baseline_port_outs,
        baseline_low,
        baseline_high,
        excess_port_outs,
        port_outs_cumulative,
        baseline_cumulative,
        baseline_cumulative_low,
        baseline_cumulative_high,
        excess_port_outs_cumulative,
        excess_cumulative_low,
        excess_cumulative_high,
        baseline_port_outs_with_trend,
        excess_cumulative_with_trend,
        excess_cumulative_with_trend_low,
        excess_cumulative_with_trend_high,
        missing_days,
        baseline_days,
        placebo_windows,
        placebo_coverage_pct,
        note
    from effects
)

select * from final
