{{ config(materialized='view') }}

with intervals as (
    select * from {{ ref('int_subscription_interval') }}
),

final as (
    select
        line_key,
        number_key,
        provider,
        plan_code,
        monthly_fee,
        line_type,
        contract_kind,
        activated_on,
        contract_start_on,
        contract_end_on,
        etf,
        status,
        previous_status,
        termination_reason,
        age_band,
        region_code,
        dealer_code,
        account_key,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from intervals
)

select * from final
