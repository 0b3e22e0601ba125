{{ pending_keys_and_stretches(
    'invoice_id',
    revisions=source('billing', 'invoices__all_revisions'),
    previous=source('intermediate_before', 'int_invoice'),
    deliveries=ref('readable_delivery'),
) }}
