-- depends_on: {{ ref('int_subscription_interval') }}
{{ pending_keys(
    'line_key',
    revisions=source('billing', 'subscriptions__all_revisions'),
    previous=source('intermediate_before', 'int_line_life'),
    deliveries=ref('readable_delivery'),
) }}
