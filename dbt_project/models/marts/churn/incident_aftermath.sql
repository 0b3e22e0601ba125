with effects as (
    select * from {{ ref('int_incident_effect') }}
    where not is_in_window
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
        effects.excess_port_outs,
        effects.excess_port_outs_cumulative,
        effects.excess_cumulative_low,
        effects.excess_cumulative_high,
        trends.excess_port_outs_cumulative as excess_cumulative_with_trend,
        trends.excess_cumulative_low as excess_cumulative_with_trend_low,
        trends.excess_cumulative_high as excess_cumulative_with_trend_high,
        effects.missing_days,
        effects.note
    from effects
    inner join trends
        on
            effects.incident_id = trends.incident_id
            and effects.date_day = trends.date_day
    where effects.specification = 'LEVEL'
)

select * from final
