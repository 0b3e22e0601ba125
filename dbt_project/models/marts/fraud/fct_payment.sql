{{ config(materialized='view') }}

with payments as (
    select * from {{ ref('int_payment_latest') }}
),

final as (
    select
        payment_id,
        line_key,
        number_key,
        product,
        merchant_id,
        merchant_category,
        amount,
        auth_method,
        is_ars_call_complete,
        cell_id,
        monthly_limit,
        100e0 * amount / nullif(monthly_limit, 0) as limit_used_pct,
        limit_raised_at,
        status,
        status = 'SUCCEEDED' as is_succeeded,
        occurred_at,
        {{ local_date('occurred_at') }} as occurred_on,
        status_at,
        cell_dt,
        ars_incomplete_dt,
        first_dt,
        last_dt
    from payments
)

select * from final
