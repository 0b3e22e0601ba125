{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='occurred_on',
    meta={'consumes': ['payments', 'subscriptions']},
) }}

{%- set all_payments = ref('fct_payment') -%}
{%- set latest_payments = ref('int_payment_latest') -%}
{%- if is_incremental() -%}
    {%- do touch('occurred_on', [
        days_of_touched('payments', 'payment_id', latest_payments, local_date('occurred_at') ~ ' as occurred_on'),
        payment_days_of_touched_lines(all_payments),
    ]) -%}
{%- endif %}

with payments as (
    select * from {{ all_payments }}
    where {{ is_touched('occurred_on') }}
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
        count(*) filter (where payments.is_succeeded) as payments_succeeded,
        cast(coalesce(sum(payments.amount) filter (where payments.is_succeeded), 0) as bigint) as amount,
        count(lines.line_key) as payments_with_line
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
