with waivers as (
    select * from {{ ref('int_waiver') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

due as (
    select * from {{ ref('int_etf_due') }}
    where not has_ended
),

lines as (
    select
        lines.*,
        due.due_on as as_of_date,
        due.etf_by_schedule,
        due.last_stated_at
    from {{ ref('dim_line') }} as lines
    inner join due on lines.line_key = due.line_key
    where lines.is_current
),

-- as the waiver's rules would judge a customer who left on the day that the deliveries reach
final as (
    select
        waivers.incident_id,
        lines.line_key,
        lines.as_of_date,
        lines.as_of_date between waivers.starts_on and waivers.ends_on as is_waiver_open,
        lines.line_type,
        lines.plan_code,
        {{ tenure_band(days_between('lines.activated_on', 'lines.as_of_date')) }} as tenure_band,
        lines.monthly_fee,
        case
            when lines.contract_end_on >= lines.as_of_date
                then {{ full_months_between('lines.as_of_date', 'lines.contract_end_on') }}
        end as contract_months_left,
        coalesce(lines.etf_by_schedule, lines.etf) as etf_due,
        lines.etf_by_schedule is not null as is_by_schedule,
        lines.etf as etf_last_stated,
        {{ days_between(local_date('lines.last_stated_at'), 'lines.as_of_date') }} as etf_last_stated_age_days,
        lines.activated_on < waivers.eligibility_from
        and coalesce(lines.contract_start_on < waivers.eligibility_from, true)
        and lines.line_type <> 'IOT' as is_eligible
    from waivers
    inner join providers on waivers.provider_group = providers.group_name
    inner join lines on providers.provider = lines.provider
)

select * from final
