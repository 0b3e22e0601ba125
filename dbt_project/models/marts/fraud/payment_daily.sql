{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='occurred_on',
) }}

{%- set touched = ref('payment_daily__touched') %}

with payments as (
    select
        *,
        {{ is_payers_first('payments') }} as counts_payer
    from {{ ref('fct_payment') }} as payments
    where {{ is_touched('occurred_on', touched) }}
),

lines as (
    select * from {{ ref('dim_line') }}
),

final as (
    select
        payments.occurred_on,
        payments.product,
        payments.auth_method,
        payments.merchant_category,
        coalesce(lines.region_code, 'UNKNOWN') as region_code,
        count(*) as payments,
        cast(coalesce(sum(payments.amount) filter (where payments.is_succeeded), 0) as bigint) as amount,
        count(*) filter (where payments.counts_payer) as payers
    from payments
    left join lines
        on
            payments.line_key = lines.line_key
            and {{ valid_at('lines', 'payments.occurred_at') }}
    group by
        payments.occurred_on,
        payments.product,
        payments.auth_method,
        payments.merchant_category,
        coalesce(lines.region_code, 'UNKNOWN')
)

select * from final
