with source as (
    select * from {{ source('payments', 'payments') }}
),

final as (
    select
        payment_id,
        event_seq,
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
        limit_raised_at,
        status,
        occurred_at as status_at,
        dt,
        rev
    from source
)

select * from final
