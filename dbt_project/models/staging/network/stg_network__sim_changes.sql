with source as (
    select * from {{ source('network', 'sim_changes') }}
),

final as (
    select
        number_key,
        changed_at,
        channel,
        dt,
        rev
    from source
)

select * from final
