-- depends_on: {{ ref('int_payment_feature') }}
-- depends_on: {{ ref('int_number_habit') }}
-- depends_on: {{ ref('int_place_day') }}
-- depends_on: {{ ref('int_unregistered_payment') }}
-- depends_on: {{ ref('int_unregistered_attachment') }}
{{ days_since_first_change(
    feeds=feeds_of_scores(),
    events=source('payments', 'payments__all_revisions'),
    state=ref('int_payment_latest'),
    previous=source('intermediate_before', 'int_feature_bin'),
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision'),
) }}
