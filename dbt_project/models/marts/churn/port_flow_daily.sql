{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='processed_on',
    meta={'consumes': ['portability_events']},
) }}

{%- set all_ports = ref('int_port_latest') -%}
{%- if is_incremental() -%}
    {%- do touch('processed_on', [
        days_of_touched('portability_events', 'port_id', all_ports, 'processed_on'),
    ]) -%}
{%- endif %}

with ports as (
    select * from {{ all_ports }}
    where
        {{ in_view(['donor_group', 'recipient_group']) }}
        and {{ is_touched('processed_on') }}
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
