with departures as (
    select * from {{ ref('int_departure_revenue') }}
),

coverage as (
    select
        incident_id,
        100e0 * count(line_key) / count(*) as coverage_pct
    from departures
    group by incident_id
),

final as (
    select
        departures.incident_id,
        departures.plan_code,
        departures.tenure_band,
        count(*) as departures,
        count(departures.line_key) as departures_with_line,
        coverage.coverage_pct,
        cast(coalesce(sum(departures.monthly_fee), 0) as bigint) as monthly_fee_sum,
        count(*) filter (where departures.is_invoiced) as departures_invoiced,
        cast(coalesce(sum(departures.invoiced_recurring_amount), 0) as bigint) as invoiced_recurring_amount_sum,
        cast(coalesce(sum(departures.monthly_fee) filter (where departures.is_invoiced), 0) as bigint)
            as invoiced_monthly_fee_sum,
        cast(coalesce(sum(departures.etf_charged), 0) as bigint) as etf_charged_sum,
        cast(coalesce(sum(departures.etf_covered), 0) as bigint) as etf_covered_sum,
        cast(coalesce(sum(departures.etf_refunded), 0) as bigint) as etf_refunded_sum
    from departures
    inner join coverage on departures.incident_id = coverage.incident_id
    group by departures.incident_id, departures.plan_code, departures.tenure_band, coverage.coverage_pct
)

select * from final
