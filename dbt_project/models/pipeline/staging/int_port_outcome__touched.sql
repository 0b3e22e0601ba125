{{ days_of_pending(
    'requested_on',
    key='port_id',
    revisions=source('clearing_house', 'portability_events__all_revisions'),
    state=ref('int_port_latest'),
    previous=source('intermediate_before', 'int_port_outcome'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
    expression=local_date('requested_at'),
) }}
