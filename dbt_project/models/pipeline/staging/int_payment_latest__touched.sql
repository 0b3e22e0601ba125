{{ pending_keys_and_stretches(
    'payment_id',
    revisions=source('payments', 'payments__all_revisions'),
    previous=source('intermediate_before', 'int_payment_latest'),
    deliveries=ref('readable_delivery'),
) }}
