{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'consumes': ['subscriptions'], 'reconciles': 'subscriptions'},
) }}

{{ reconciled(
    'subscriptions',
    events=ref('stg_billing__subscriptions'),
    latest=ref('int_subscription_interval'),
    key='line_key',
    state='changed_at',
    fact_state='valid_from',
    has_all_states=true,
) }}
