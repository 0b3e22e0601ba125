with source as (
    select * from {{ source('regulator', 'provider_port_records') }}
),

final as (
    select
        reporter,
        port_id,
        donor_provider,
        recipient_provider,
        status,
        processed_on,
        dt,
        rev
    from source
)

select * from final
