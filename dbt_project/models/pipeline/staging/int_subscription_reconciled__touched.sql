{{ days_to_reconcile(
    'line_key',
    revisions=source('billing', 'subscriptions__all_revisions'),
    state=ref('int_subscription_interval'),
    previous=source('intermediate_before', 'int_subscription_reconciled'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
