with incidents as (
    select * from {{ ref('dim_incident') }}
),

provider_days as (
    select * from {{ ref('provider_daily') }}
),

baselines as (
    select * from {{ ref('int_waiver_baseline') }}
),

actual as (
    select
        incidents.incident_id,
        incidents.provider_group,
        provider_days.date_day,
        provider_days.is_processing_day,
        provider_days.port_outs,
        cast(sum(provider_days.port_outs) over so_far as bigint) as port_outs_cumulative
    from incidents
    inner join provider_days
        on
            incidents.provider_group = provider_days.provider_group
            and provider_days.date_day between incidents.starts_on and incidents.ends_on
    window so_far as (
        partition by incidents.incident_id
        order by provider_days.date_day
        rows between unbounded preceding and current row
    )
),

final as (
    select
        actual.incident_id,
        actual.date_day,
        actual.provider_group,
        actual.is_processing_day,
        actual.port_outs,
        baselines.baseline_port_outs,
        baselines.baseline_low,
        baselines.baseline_high,
        actual.port_outs - baselines.baseline_port_outs as excess_port_outs,
        actual.port_outs_cumulative,
        baselines.baseline_cumulative,
        baselines.baseline_cumulative_low,
        baselines.baseline_cumulative_high,
        actual.port_outs_cumulative - baselines.baseline_cumulative as excess_port_outs_cumulative,
        actual.port_outs_cumulative - baselines.baseline_cumulative_high as excess_cumulative_low,
        actual.port_outs_cumulative - baselines.baseline_cumulative_low as excess_cumulative_high,
        coalesce(baselines.baseline_days, 0) as baseline_days,
        baselines.note
    from actual
    left join baselines
        on
            actual.incident_id = baselines.incident_id
            and actual.date_day = baselines.date_day
)

select * from final
