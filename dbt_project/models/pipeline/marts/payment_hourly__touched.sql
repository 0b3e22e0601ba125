{{ days_of_pending(
    'occurred_on',
    expression=local_date('occurred_at'),
    key='payment_id',
    revisions=source('payments', 'payments__all_revisions'),
    state=ref('int_payment_latest'),
    previous=source('fraud_before', 'payment_hourly'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
