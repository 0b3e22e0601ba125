with source as (
    select * from {{ source('receipts', 'revision') }}
),

final as (
    select
        feed,
        dt,
        rev,
        delivered_at,
        is_current
    from source
)

select * from final
