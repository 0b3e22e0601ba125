with source as (
    select * from {{ source('billing', 'subscriptions') }}
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
        termination_reason,
        age_band,
        region_code,
        changed_at,
        sales_channel,
        dealer_code,
        account_key,
        dt,
        rev
    from source
)

select * from final
