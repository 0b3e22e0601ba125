{{ days_of_pending(
    'processed_on',
    key='port_id',
    revisions=source('clearing_house', 'portability_events__all_revisions'),
    state=ref('int_port_latest'),
    previous=source('churn_before', 'port_flow_daily'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
