with source as (
    select * from {{ source('network', 'cell_attachments') }}
),

final as (
    select
        number_key,
        cell_id,
        region_code,
        hour_start,
        attach_count,
        first_seen_at,
        last_seen_at,
        dt,
        rev
    from source
)

select * from final
