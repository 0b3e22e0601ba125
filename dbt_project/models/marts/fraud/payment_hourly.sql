{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='occurred_on',
    meta={'consumes': ['payments']},
) }}

{%- set all_payments = ref('fct_payment') -%}
{%- set latest_payments = ref('int_payment_latest') -%}
{%- if is_incremental() -%}
    {%- do touch('occurred_on', [
        days_of_touched('payments', 'payment_id', latest_payments, local_date('occurred_at') ~ ' as occurred_on'),
    ]) -%}
{%- endif %}

with payments as (
    select * from {{ all_payments }}
    where {{ is_touched('occurred_on') }}
),

final as (
    select
        occurred_on,
        hour(occurred_at) as hour_of_day,
        product,
        count(*) as payments,
        count(*) filter (where is_succeeded) as payments_succeeded,
        cast(coalesce(sum(amount) filter (where is_succeeded), 0) as bigint) as amount
    from payments
    group by occurred_on, hour(occurred_at), product
)

select * from final
