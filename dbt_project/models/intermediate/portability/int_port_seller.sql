{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='processed_on',
) }}

{%- set touched = ref('int_port_seller__touched') %}

with ports as (
    select * from {{ ref('int_port_latest') }}
    where
        {{ in_view(['donor_group', 'recipient_group']) }}
        and is_completed
        and donor_group <> recipient_group
        and {{ is_touched('processed_on', touched) }}
),

final as (
    select
        processed_on,
        donor_group,
        recipient_group,
        coalesce(sales_channel, 'unknown') as sales_channel,
        dealer_code,
        cast(count(*) as bigint) as ports,
        cast(count(*) filter (where is_withdrawn) as bigint) as withdrawn
    from ports
    group by processed_on, donor_group, recipient_group, coalesce(sales_channel, 'unknown'), dealer_code
)

select * from final
