with lines as (
    select * from {{ ref('int_line_at_risk') }}
),

coverage as (
    select
        incident_id,
        case when count(lines_all) = count(*) then 100e0 * sum(lines_billed) / sum(lines_all) end as coverage_pct
    from {{ ref('int_panel') }}
    where occasion = 'LINES'
    group by incident_id
),

final as (
    select
        lines.incident_id,
        lines.plan_code,
        lines.tenure_band,
        lines.as_of_date,
        lines.is_waiver_open,
        count(*) as lines,
        coverage.coverage_pct,
        cast(sum(lines.monthly_fee) as bigint) as monthly_fee_sum,
        count(*) filter (where lines.is_eligible) as eligible_lines,
        cast(coalesce(sum(lines.monthly_fee) filter (where lines.is_eligible), 0) as bigint)
            as eligible_monthly_fee_sum,
        count(lines.contract_months_left) as lines_in_contract,
        avg(lines.contract_months_left) as contract_months_left_mean,
        cast(sum(lines.etf_due) as bigint) as etf_due_sum,
        cast(coalesce(sum(lines.etf_due) filter (where lines.is_eligible), 0) as bigint) as eligible_etf_due_sum,
        count(*) filter (where not lines.is_by_schedule) as lines_off_schedule,
        cast(sum(lines.etf_last_stated) as bigint) as etf_last_stated_sum,
        avg(lines.etf_last_stated_age_days) as etf_last_stated_age_days_mean
    from lines
    left join coverage on lines.incident_id = coverage.incident_id
    group by
        lines.incident_id, lines.plan_code, lines.tenure_band, lines.as_of_date, lines.is_waiver_open,
        coverage.coverage_pct
)

select * from final
