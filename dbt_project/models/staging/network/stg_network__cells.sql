with source as (
    select * from {{ source('network', 'cell_registry') }}
),

final as (
    select
        cell_id,
        kind,
        region_code,
        registered_on,
        deregistered_on,
        dt as list_on,
        rev
    from source
)

select * from final
