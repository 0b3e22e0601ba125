{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='occurred_on',
) }}

{%- set touched = ref('payment_hourly__touched') %}

with payments as (
    select
        *,
        {{ is_payers_first('payments') }} as counts_payer
    from {{ ref('fct_payment') }} as payments
    where {{ is_touched('occurred_on', touched) }}
),

final as (
    select
        occurred_on,
        cast(hour(occurred_at) as bigint) as hour_of_day,
        product,
        count(*) as payments,
        cast(coalesce(sum(amount) filter (where is_succeeded), 0) as bigint) as amount,
        count(*) filter (where counts_payer) as payers
    from payments
    group by occurred_on, hour(occurred_at), product
)

select * from final
