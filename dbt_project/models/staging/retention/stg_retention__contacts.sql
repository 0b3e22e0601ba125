with source as (
    select * from {{ source('retention', 'retention_contacts') }}
),

final as (
    select
        line_key,
        offer,
        arm,
        contacted_at,
        outcome,
        cost_amount,
        dt,
        rev
    from source
)

select * from final
