with source as (
    select * from {{ source('desk', 'payment_disputes__all_revisions') }}
),

final as (
    select
        dispute_id,
        event_seq,
        payment_id,
        status,
        refunded_amount,
        occurred_at as status_at,
        dt,
        rev
    from source
)

select * from final
