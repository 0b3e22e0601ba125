{{ pending_keys_and_stretches(
    'line_key',
    revisions=source('billing', 'subscriptions__all_revisions'),
    previous=source('intermediate_before', 'int_subscription_interval'),
    deliveries=ref('readable_delivery'),
) }}
