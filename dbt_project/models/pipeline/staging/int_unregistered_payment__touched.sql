-- depends_on: {{ ref('int_cell_registry_change') }}
{%- set events = source('payments', 'payments__all_revisions') -%}
{%- set registry = source('network', 'cell_registry__all_revisions') -%}
{%- set previous = source('intermediate_before', 'int_unregistered_payment') -%}
{%- set deliveries = ref('readable_delivery') -%}
{%- set cells = ref('stg_network__cells') -%}
{%- set list_days = pending_days(registry, previous, deliveries) -%}
{%- set touched_days, days_before = days_of_touched_lists(list_days, cells, source('receipts', 'revision')) %}

with changed_cells as (
    {{ cells_changed(touched_days + days_before, registry) }}
),

named as (
    select payment_id
    from {{ events }}
    where {{ in_days('dt', pending_days(events, previous, deliveries)) }}
    union all
    {{ payments_on_changed_cells(ref('int_payment_latest'), cells, 'changed_cells', list_days) }}
),

final as (
    select distinct payment_id from named
)

select * from final
