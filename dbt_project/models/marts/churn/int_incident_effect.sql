with incidents as (
    select * from {{ ref('dim_incident') }}
),

provider_days as (
    select * from {{ ref('provider_daily') }}
),

baselines as (
    select * from {{ ref('int_incident_baseline') }}
),

days as (
    select
        baselines.*,
        provider_days.date_day as booked_on,
        incidents.provider_group,
        provider_days.is_processing_day,
        provider_days.port_outs,
        provider_days.port_outs - baselines.baseline_port_outs as excess_port_outs,
        case when baselines.baseline_port_outs is null then 1 else 0 end as is_missing
    from baselines
    inner join incidents on baselines.incident_id = incidents.incident_id
    inner join provider_days
        on
            incidents.provider_group = provider_days.provider_group
            and baselines.date_day = provider_days.date_day
),

-- a day without a baseline is in no sum of what is compared; `missing_days` says how many there are
sums as (
    select
        *,
        cast(sum(port_outs) over so_far as bigint) as port_outs_cumulative,
        sum(excess_port_outs) over so_far as excess_port_outs_cumulative,
        cast(sum(is_missing) over so_far as bigint) as missing_days
    from days
    window so_far as (
        partition by incident_id, specification, is_in_window
        order by date_day
        rows between unbounded preceding and current row
    )
),

final as (
    select
        incident_id,
        specification,
        booked_on as date_day,
        is_in_window,
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
        excess_port_outs_cumulative + baseline_cumulative - baseline_cumulative_high as excess_cumulative_low,
        excess_port_outs_cumulative + baseline_cumulative - baseline_cumulative_low as excess_cumulative_high,
        missing_days,
        baseline_days,
        placebo_windows,
        placebo_coverage_pct,
        note
    from sums
)

select * from final
