{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
) }}

{%- set touched = ref('int_number_change__touched') %}

with sim_changes as (
    select * from {{ ref('stg_network__sim_changes') }}
    where {{ is_touched_day('dt', touched) }}
),

port_events as (
    select * from {{ ref('stg_clearing_house__port_events') }}
    where {{ is_touched_day('dt', touched) }}
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
