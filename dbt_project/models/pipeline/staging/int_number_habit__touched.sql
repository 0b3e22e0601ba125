-- depends_on: {{ ref('int_number_change') }}
-- depends_on: {{ ref('int_subscription_interval') }}
{{ days_since_first_change(
    feeds=[
        source('payments', 'payments__all_revisions'),
        source('desk', 'payment_disputes__all_revisions'),
        source('desk', 'alert_dispositions__all_revisions'),
        source('network', 'sim_changes__all_revisions'),
        source('clearing_house', 'portability_events__all_revisions'),
        source('billing', 'subscriptions__all_revisions'),
    ],
    events=source('payments', 'payments__all_revisions'),
    state=ref('int_payment_latest'),
    previous=source('intermediate_before', 'int_number_habit'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
