with source as (
    select * from {{ source('clearing_house', 'portability_events') }}
),

final as (
    select
        port_id,
        event_seq,
        number_key,
        donor_provider,
        donor_network,
        recipient_provider,
        recipient_network,
        line_type,
        status,
        reject_code,
        requested_at,
        status_at,
        processed_on,
        sales_channel,
        dealer_code,
        dt,
        rev
    from source
)

select * from final
