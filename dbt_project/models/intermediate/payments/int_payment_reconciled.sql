{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'reconciles': 'payments'},
) }}

{{ reconciled(
    touched=ref('int_payment_reconciled__touched'),
    events=ref('stg_payments__payment_events'),
    latest=ref('int_payment_latest'),
    key='payment_id',
    state='event_seq',
    amount='amount',
) }}
