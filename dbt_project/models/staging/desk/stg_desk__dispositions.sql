with source as (
    select * from {{ source('desk', 'alert_dispositions') }}
),

final as (
    select
        case_id,
        disposition,
        decided_at,
        analyst_key,
        dt,
        rev
    from source
)

select * from final
