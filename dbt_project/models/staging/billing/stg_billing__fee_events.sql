with source as (
    select * from {{ source('billing', 'termination_fees') }}
),

final as (
    select
        fee_event_id,
        line_key,
        event,
        reason,
        amount,
        occurred_at,
        dt,
        rev
    from source
)

select * from final
