{{ days_to_reconcile(
    'port_id',
    revisions=source('clearing_house', 'portability_events__all_revisions'),
    state=ref('int_port_latest'),
    previous=source('intermediate_before', 'int_port_reconciled'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
