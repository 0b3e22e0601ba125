with waivers as (
    select * from {{ ref('int_waiver') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

lines as (
    select * from {{ ref('int_etf_due') }}
    where not has_ended
),

-- as the waiver's rules would judge a customer who left on the day that the deliveries reach
final as (
    select
        waivers.incident_id,
        lines.line_key,
        lines.due_on as as_of_date,
        lines.due_on between waivers.starts_on and waivers.ends_on as is_waiver_open,
        lines.line_type,
        lines.plan_code,
        {{ tenure_band(days_between('lines.activated_on', 'lines.due_on')) }} as tenure_band,
        lines.monthly_fee,
        case
            when lines.contract_end_on >= lines.due_on
                then {{ full_months_between('lines.due_on', 'lines.contract_end_on') }}
        end as contract_months_left,
        coalesce(lines.etf_by_schedule, lines.etf_last_stated) as etf_due,
        lines.etf_by_schedule is not null as is_by_schedule,
        lines.etf_last_stated,
        {{ days_between(local_date('lines.last_stated_at'), 'lines.due_on') }} as etf_last_stated_age_days,
        lines.activated_on < waivers.eligibility_from
        and coalesce(lines.contract_start_on < waivers.eligibility_from, true)
        and lines.line_type <> 'IOT' as is_eligible
    from waivers
    inner join providers on waivers.provider_group = providers.group_name
    inner join lines on providers.provider = lines.provider
)

select * from final
