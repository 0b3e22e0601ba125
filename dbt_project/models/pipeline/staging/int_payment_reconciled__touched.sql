{{ days_to_reconcile(
    'payment_id',
    revisions=source('payments', 'payments__all_revisions'),
    state=ref('int_payment_latest'),
    previous=source('intermediate_before', 'int_payment_reconciled'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
