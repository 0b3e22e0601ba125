{{ pending_delivery_days(
    [source('network', 'cell_attachments__all_revisions')],
    previous=source('intermediate_before', 'int_cell_hour'),
    deliveries=ref('readable_delivery'),
) }}
