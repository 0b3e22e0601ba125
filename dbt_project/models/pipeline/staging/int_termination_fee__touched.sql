{{ pending_keys_and_stretches(
    'line_key',
    revisions=source('billing', 'termination_fees__all_revisions'),
    previous=source('intermediate_before', 'int_termination_fee'),
    deliveries=ref('readable_delivery'),
) }}
