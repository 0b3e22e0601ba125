{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'consumes': ['portability_events'], 'reconciles': 'portability_events'},
) }}

{{ reconciled(
    'portability_events',
    events=ref('stg_clearing_house__port_events'),
    latest=ref('int_port_latest'),
    key='port_id',
    state='event_seq',
) }}
