{{ days_of_pending(
    'processed_on',
    key='port_id',
    revisions=source('clearing_house', 'portability_events__all_revisions'),
    state=ref('int_port_latest'),
    previous=source('intermediate_before', 'int_port_seller'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
