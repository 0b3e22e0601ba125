{{ pending_delivery_days(
    [
        source('network', 'sim_changes__all_revisions'),
        source('clearing_house', 'portability_events__all_revisions'),
    ],
    previous=source('intermediate_before', 'int_number_change'),
    deliveries=ref('readable_delivery'),
) }}
