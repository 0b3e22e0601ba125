with waivers as (
    select * from {{ ref('int_waiver') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

lines as (
    select
        *,
        {{ data_end('subscriptions', [ref('int_subscription_interval')]) }} as as_of_date
    from {{ ref('dim_line') }}
    where
        is_current
        and status <> 'TERMINATED'
),

-- as the waiver's rules would judge a customer who left on the day that the deliveries reach
judged as (
    select
        waivers.incident_id,
        lines.as_of_date,
        lines.as_of_date between waivers.starts_on and waivers.ends_on as is_waiver_open,
        lines.plan_code,
        {{ tenure_band(days_between('lines.activated_on', 'lines.as_of_date')) }} as tenure_band,
        lines.monthly_fee,
        lines.etf,
        case
            when lines.contract_end_on >= lines.as_of_date
                then {{ full_months_between('lines.as_of_date', 'lines.contract_end_on') }}
        end as contract_months_left,
        lines.activated_on < waivers.eligibility_from
        and coalesce(lines.contract_start_on < waivers.eligibility_from, true)
        and lines.line_type <> 'IOT' as is_eligible
    from waivers
    inner join providers on waivers.provider_group = providers.group_name
    inner join lines on providers.provider = lines.provider
),

final as (
    select
        incident_id,
        plan_code,
        tenure_band,
        as_of_date,
        is_waiver_open,
        count(*) as lines,
        cast(sum(monthly_fee) as bigint) as monthly_fee,
        count(*) filter (where is_eligible) as eligible_lines,
        cast(coalesce(sum(monthly_fee) filter (where is_eligible), 0) as bigint) as eligible_monthly_fee,
        count(contract_months_left) as lines_in_contract,
        avg(contract_months_left) as contract_months_left_mean,
        cast(sum(etf) as bigint) as etf,
        cast(coalesce(sum(etf) filter (where is_eligible), 0) as bigint) as eligible_etf
    from judged
    group by incident_id, plan_code, tenure_band, as_of_date, is_waiver_open
)

select * from final
