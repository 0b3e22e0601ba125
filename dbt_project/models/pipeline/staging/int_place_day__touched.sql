-- depends_on: {{ ref('int_place_visit') }}
{{ days_since_first_change(
    feeds=[
        source('payments', 'payments__all_revisions'),
        source('desk', 'payment_disputes__all_revisions'),
        source('desk', 'alert_dispositions__all_revisions'),
    ],
    events=source('payments', 'payments__all_revisions'),
    state=ref('int_payment_latest'),
    previous=source('intermediate_before', 'int_place_day'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
    day='dt',
) }}
