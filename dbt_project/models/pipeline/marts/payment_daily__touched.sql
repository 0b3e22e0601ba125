{#- Days of pending payments, and of payments whose line may have moved: from the line's earliest pending change on. -#}
-- depends_on: {{ ref('int_subscription_interval') }}
{%- set changes = source('billing', 'subscriptions__all_revisions') -%}
{%- set previous = source('fraud_before', 'payment_daily') -%}
{%- set deliveries = ref('readable_delivery') %}

with changed_lines as (
    select
        line_key,
        min(changed_at) as changed_from
    from {{ changes }}
    where {{ in_days('dt', pending_days(changes, previous, deliveries)) }}
    group by line_key
),

days_of_payments as (
    {{ days_of_pending(
        'occurred_on',
        expression=local_date('occurred_at'),
        key='payment_id',
        revisions=source('payments', 'payments__all_revisions'),
        state=ref('int_payment_latest'),
        previous=previous,
        deliveries=deliveries,
        receipts=source('receipts', 'revision'),
    ) }}
),

final as (
    select occurred_on from days_of_payments
    union
    select payments.occurred_on
    from {{ ref('fct_payment') }} as payments
    inner join changed_lines
        on
            payments.line_key = changed_lines.line_key
            and payments.occurred_at >= changed_lines.changed_from
)

select * from final
