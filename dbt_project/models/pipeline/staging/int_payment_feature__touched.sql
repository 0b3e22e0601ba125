{%- set events = source('payments', 'payments__all_revisions') -%}
{%- set payments = ref('int_payment_latest') -%}
{%- set days = pending_days(events, source('intermediate_before', 'int_payment_feature'), ref('readable_delivery')) -%}
with delivered as (
    {{ rows_of_delivered_payments(events, days, state=payments, receipts=source('receipts', 'revision')) }}
),

beside as (
    {{ payments_beside('delivered', payments, days) }}
),

final as (
    select distinct payment_id from beside
)

select * from final
