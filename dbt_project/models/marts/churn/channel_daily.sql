with sales as (
    select * from {{ ref('int_port_seller') }}
),

final as (
    select
        processed_on,
        donor_group,
        recipient_group,
        sales_channel,
        cast(sum(ports) as bigint) as ports,
        cast(sum(withdrawn) as bigint) as withdrawn,
        count(dealer_code) as dealers
    from sales
    group by processed_on, donor_group, recipient_group, sales_channel
)

select * from final
