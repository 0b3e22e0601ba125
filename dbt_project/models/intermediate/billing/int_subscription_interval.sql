{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='line_key',
) }}

{%- set touched = ref('int_subscription_interval__touched') %}

with changes as (
    select * from {{ ref('stg_billing__subscriptions') }}
    where {{ is_in_stretches('line_key', touched) }}
),

-- of a change that was delivered more than once, the latest delivery
ranked as (
    select
        *,
        row_number() over (partition by line_key, changed_at order by dt desc) as recency,
        -- in the order of `recency`, so that one sort serves both
        last_value(activated_on) over (
            partition by line_key, changed_at
            order by dt desc
            rows between unbounded preceding and unbounded following
        ) as first_activated_on,
        min(dt) over (partition by line_key, changed_at) as first_dt,
        max(dt) over (partition by line_key, changed_at) as last_dt
    from changes
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
        dealer_code,
        account_key,
        changed_at as valid_from,
        lead(changed_at) over (partition by line_key order by changed_at) as valid_to,
        lag(status) over (partition by line_key order by changed_at) as previous_status,
        first_value(etf) over contract as contract_etf,
        first_value(changed_at) over contract as contract_stated_from,
        first_activated_on,
        dt as state_dt,
        first_dt,
        last_dt
    from ranked
    where recency = 1
    window contract as (partition by line_key, contract_start_on order by changed_at)
)

select * from final
