{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'consumes': ['sim_changes', 'portability_events']},
) }}

{%- set read_days = 'true' -%}
{%- if is_incremental() -%}
    {%- set days = pending_days('sim_changes') + pending_days('portability_events') -%}
    {%- set read_days = in_days('dt', days) -%}
    {%- do touch('dt', ["select dt from " ~ revision_relation() ~ " where " ~ read_days]) -%}
{%- endif %}

with sim_changes as (
    select * from {{ ref('stg_network__sim_changes') }}
    where {{ read_days }}
),

port_events as (
    select * from {{ ref('stg_clearing_house__port_events') }}
    where {{ read_days }}
),

final as (
    select
        dt,
        number_key,
        changed_at,
        'SIM_CHANGE' as kind
    from sim_changes
    union all
    select
        dt,
        number_key,
        status_at as changed_at,
        'PORT_IN' as kind
    from port_events
    where
        status = 'COMPLETED'
        and {{ in_view(['recipient_network']) }}
)

select * from final
