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
cumulated as (
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

sums as (
    select
        *,
        excess_port_outs_cumulative + baseline_cumulative - baseline_cumulative_high as excess_cumulative_low,
        excess_port_outs_cumulative + baseline_cumulative - baseline_cumulative_low as excess_cumulative_high
    from cumulated
),

trends as (
    select * from sums
    where specification = 'TREND'
),

final as (
    select
        sums.incident_id,
        sums.booked_on as date_day,
        sums.is_in_window,
        sums.provider_group,
        sums.is_processing_day,
        sums.port_outs,
        sums.baseline_port_outs,
        sums.baseline_low,
        sums.baseline_high,
        sums.excess_port_outs,
        sums.port_outs_cumulative,
        sums.baseline_cumulative,
        sums.baseline_cumulative_low,
        sums.baseline_cumulative_high,
        sums.excess_port_outs_cumulative,
        sums.excess_cumulative_low,
        sums.excess_cumulative_high,
        trends.baseline_port_outs as baseline_port_outs_with_trend,
        trends.excess_port_outs_cumulative as excess_cumulative_with_trend,
        trends.excess_cumulative_low as excess_cumulative_with_trend_low,
        trends.excess_cumulative_high as excess_cumulative_with_trend_high,
        sums.missing_days,
        sums.baseline_days,
        sums.placebo_windows,
        sums.placebo_coverage_pct,
        sums.note
    from sums
    inner join trends
        on
            sums.incident_id = trends.incident_id
            and sums.booked_on = trends.booked_on
    where sums.specification = 'LEVEL'
)

select * from final
