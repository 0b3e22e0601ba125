{{ touched_lists(
    pending_days(
        source('network', 'cell_registry__all_revisions'),
        source('intermediate_before', 'int_cell_registry_change'),
        ref('readable_delivery'),
    ),
    lists=ref('stg_network__cells'),
    receipts=source('receipts', 'revision'),
) }}
