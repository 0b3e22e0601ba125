{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'reconciles': 'portability_events'},
) }}

{{ reconciled(
    touched=ref('int_port_reconciled__touched'),
    events=ref('stg_clearing_house__port_events'),
    latest=ref('int_port_latest'),
    key='port_id',
    state='event_seq',
) }}
