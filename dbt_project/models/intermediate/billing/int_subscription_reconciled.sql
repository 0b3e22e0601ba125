{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'reconciles': 'subscriptions'},
) }}

{{ reconciled(
    touched=ref('int_subscription_reconciled__touched'),
    events=ref('stg_billing__subscriptions'),
    latest=ref('int_subscription_interval'),
    key='line_key',
    state='changed_at',
    fact_state='valid_from',
    has_all_states=true,
) }}
