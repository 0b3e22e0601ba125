{{ pending_keys_and_stretches(
    'port_id',
    revisions=source('clearing_house', 'portability_events__all_revisions'),
    previous=source('intermediate_before', 'int_port_latest'),
    deliveries=ref('readable_delivery'),
) }}
