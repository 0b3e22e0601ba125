{#-
Payments whose scores pending deliveries may change beside the delivered payments themselves: one CTE per kind of
knowledge. On an ordinary day they find little more than that day's payments; what speaks of the past reaches exactly
the payments that it concerns.
-#}
-- depends_on: {{ ref('int_cell_hour') }}
-- depends_on: {{ ref('int_number_change') }}
-- depends_on: {{ ref('int_number_habit') }}
-- depends_on: {{ ref('int_place_day') }}
{%- set payments = source('payments', 'payments__all_revisions') -%}
{%- set registry = source('network', 'cell_registry__all_revisions') -%}
{%- set attachments = source('network', 'cell_attachments__all_revisions') -%}
{%- set sim_changes = source('network', 'sim_changes__all_revisions') -%}
{%- set port_events = source('clearing_house', 'portability_events__all_revisions') -%}
{%- set disputes = source('desk', 'payment_disputes__all_revisions') -%}
{%- set dispositions = source('desk', 'alert_dispositions__all_revisions') -%}
{%- set subscriptions = source('billing', 'subscriptions__all_revisions') -%}
{%- set receipts = source('receipts', 'revision') -%}
{%- set previous = source('fraud_before', 'rule_hit') -%}
{%- set deliveries = ref('readable_delivery') -%}
{%- set features = ref('int_payment_feature') -%}
{%- set cells = ref('stg_network__cells') -%}
{%- set exposures = ref('int_exposure') -%}

{%- set payment_days = pending_days(payments, previous, deliveries) -%}
{%- set list_days = pending_days(registry, previous, deliveries) -%}
{%- set attachment_days = pending_days(attachments, previous, deliveries) -%}
{%- set dispute_days = pending_days(disputes, previous, deliveries) -%}
{%- set decision_days = pending_days(dispositions, previous, deliveries) -%}
{%- set touched_days, days_before = days_of_touched_lists(list_days, cells, receipts) -%}
{%- set days_of_fraud = payment_days + dispute_days + decision_days %}

with delivered as (
    {{ rows_of_delivered_payments(payments, payment_days, state=features, receipts=receipts) }}
),

beside as (
    {{ payments_beside('delivered', features, payment_days) }}
),

changed_cells as (
    {{ cells_changed(touched_days + days_before, registry) }}
),

on_changed_cells as (
    {{ payments_on_changed_cells(features, cells, 'changed_cells', list_days) }}
),

-- numbers that turn out to have been on an unregistered cell, or whose cell changed
never_missing_cells as (
    select cell_id
    from {{ ref('int_cell_registration') }}
    where unregistered_from = date '9999-12-31'
),

numbers_exposed_anew as (
    select number_key
    from {{ attachments }}
    where
        {{ in_days('dt', attachment_days) }}
        and cell_id not in (select never_missing_cells.cell_id from never_missing_cells)
    union
    select number_key
    from {{ exposures }}
    where cell_id in (select changed_cells.cell_id from changed_cells)
    union
    select number_key
    from delivered
    where
        cell_id is not null
        and cell_id not in (select never_missing_cells.cell_id from never_missing_cells)
),

exposed_anew as (
    select payment_id
    from {{ features }}
    where number_key in (select numbers_exposed_anew.number_key from numbers_exposed_anew)
    {%- if is_kept(previous) %}
        union all
        -- had been called exposed by a cell that changed
        select payment_id
        from {{ previous }}
        where
            rule_id = 'EXPOSED_NUMBER'
            and {{ json_member('evidence', 'cell_id') }} in (select changed_cells.cell_id from changed_cells)
    {%- endif %}
),

number_changes as (
    select
        number_key,
        changed_at
    from {{ sim_changes }}
    where {{ in_days('dt', pending_days(sim_changes, previous, deliveries)) }}
    union all
    select
        number_key,
        status_at as changed_at
    from {{ port_events }}
    where
        {{ in_days('dt', pending_days(port_events, previous, deliveries)) }}
        and status = 'COMPLETED'
),

after_number_changes as (
    select payments.payment_id
    from {{ features }} as payments
    inner join number_changes
        on
            payments.number_key = number_changes.number_key
            and payments.occurred_at >= number_changes.changed_at
),

crowded_hours as (
    select
        cell_id,
        hour_start
    from {{ attachments }}
    where {{ in_days('dt', attachment_days) }}
    group by cell_id, hour_start, dt, rev
    having count(*) >= {{ least_numbers_of_a_crowded_hour() }}
),

in_crowded_hours as (
    select payments.payment_id
    from {{ features }} as payments
    inner join crowded_hours
        on
            payments.cell_id = crowded_hours.cell_id
            and payments.occurred_hour = crowded_hours.hour_start
),

frauds as (
    select payment_id from {{ ref('int_fraud_known') }}
    union
    select payment_id
    from {{ disputes }}
    where {{ in_days('dt', dispute_days) }}
    union
    select {{ payment_of_case('case_id') }} as payment_id
    from {{ dispositions }}
    where {{ in_days('dt', decision_days) }}
),

-- where there is, or was, confirmed fraud
fraud_places as (
    select
        merchant_id,
        cell_id
    from {{ features }}
    where payment_id in (select frauds.payment_id from frauds)
    union
    select
        merchant_id,
        cell_id
    from delivered
    where payment_id in (select frauds.payment_id from frauds)
),

-- a payment that moved to another merchant or cell counts there from its first day on
moved as (
    select since
    from delivered
    group by payment_id, since
    having
        count(distinct merchant_id) > 1
        or count(distinct cell_id) > 1
),

fraud_span as (
    select least(
        (select min(moved.since) from moved),
        cast({{ "'" ~ (days_of_fraud | min) ~ "'" if days_of_fraud else 'null' }} as date)
    ) as since
),

near_known_fraud as (
    select features.payment_id
    from {{ features }} as features
    inner join fraud_span on features.first_dt >= fraud_span.since
    where
        features.merchant_id in (select fraud_places.merchant_id from fraud_places)
        or features.cell_id in (select fraud_places.cell_id from fraud_places)
),

-- of whose number or merchant something else had been known then
{{ first_change(
    [payments, disputes, dispositions, sim_changes, port_events, subscriptions],
    payments, ref('int_payment_latest'), previous, deliveries, receipts
) }},

since_first_change as (
    select features.payment_id
    from {{ features }} as features
    inner join first_change on features.first_dt >= first_change.since
),

final as (
    select payment_id from beside
    union
    select payment_id from since_first_change
    union
    select payment_id from on_changed_cells
    union
    select payment_id from exposed_anew
    union
    select payment_id from after_number_changes
    union
    select payment_id from in_crowded_hours
    union
    select payment_id from near_known_fraud
)

select * from final
