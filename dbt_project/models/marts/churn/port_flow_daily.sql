{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='processed_on',
) }}

{%- set touched = ref('port_flow_daily__touched') %}

with ports as (
    select * from {{ ref('int_port_latest') }}
    where
        {{ in_view(['donor_group', 'recipient_group']) }}
        and {{ is_touched('processed_on', touched) }}
),

final as (
    select
        processed_on,
        donor_group,
        recipient_group,
        line_type,
        count(*) as ports,
        count(*) filter (where is_withdrawn) as withdrawn
    from ports
    where is_completed
    group by processed_on, donor_group, recipient_group, line_type
)

select * from final
