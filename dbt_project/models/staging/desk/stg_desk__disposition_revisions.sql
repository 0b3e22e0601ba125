with source as (
    select * from {{ source('desk', 'alert_dispositions__all_revisions') }}
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
