{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'consumes': ['payments'], 'reconciles': 'payments'},
) }}

{{ reconciled(
    'payments',
    events=ref('stg_payments__payment_events'),
    latest=ref('int_payment_latest'),
    key='payment_id',
    state='event_seq',
    amount='amount',
) }}
