with effects as (
    select * from {{ ref('int_incident_effect') }}
    where not is_in_window
),

final as (
    select
        incident_id,
        date_day,
        provider_group,
        is_processing_day,
        port_outs,
        baseline_port_outs,
        excess_port_outs,
        excess_port_outs_cumulative,
        excess_cumulative_low,
        excess_cumulative_high,
        excess_cumulative_with_trend,
        excess_cumulative_with_trend_low,
        excess_cumulative_with_trend_high,
        missing_days,
        note
    from effects
)

select * from final
