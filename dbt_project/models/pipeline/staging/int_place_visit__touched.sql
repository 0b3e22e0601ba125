{{ days_since_first_change(
    feeds=[source('payments', 'payments__all_revisions')],
    events=source('payments', 'payments__all_revisions'),
    state=ref('int_payment_latest'),
    previous=source('intermediate_before', 'int_place_visit'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
    day='dt',
) }}
