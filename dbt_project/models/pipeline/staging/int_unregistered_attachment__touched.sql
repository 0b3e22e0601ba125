{#-
Days of attachments whose cells may have entered or left the registry: pending ones; those on which a cell was found that
a pending list changed; those from that list on, or from the day on which such a cell is missing now, unless the list
before said so already; and every day, where a pending list is the first there is.
-#}
{%- set attachments = source('network', 'cell_attachments__all_revisions') -%}
{%- set registry = source('network', 'cell_registry__all_revisions') -%}
{%- set previous = source('intermediate_before', 'int_unregistered_attachment') -%}
{%- set deliveries = ref('readable_delivery') -%}
{%- set receipts = source('receipts', 'revision') -%}
{%- set cells = ref('stg_network__cells') -%}
{%- set list_days = pending_days(registry, previous, deliveries) -%}
{%- set touched_days, days_before = days_of_touched_lists(list_days, cells, receipts) %}

with changed_cells as (
    {{ cells_changed(touched_days + days_before, registry) }}
),

missing_since as (
    select min(registrations.unregistered_from) as from_day
    from {{ ref('int_cell_registration') }} as registrations
    where
        registrations.cell_id in (select changed_cells.cell_id from changed_cells)
        and not exists (
            select 1
            from {{ registry }} as said
            where
                {{ in_days('said.dt', days_before) }}
                and said.cell_id = registrations.cell_id
                and said.deregistered_on + interval 1 day = registrations.unregistered_from
        )
),

final as (
    select distinct receipts.dt
    from {{ receipts }} as receipts
    where
        receipts.feed = 'cell_attachments'
        and receipts.is_current
        and (
            {{ in_days('receipts.dt', pending_days(attachments, previous, deliveries)) }}
            or receipts.dt >= cast({{ "'" ~ (touched_days | min) ~ "'" if touched_days else 'null' }} as date)
            or receipts.dt >= (select missing_since.from_day from missing_since)
            {%- if is_kept(previous) %}
                or receipts.dt in (
                    select found.dt
                    from {{ previous }} as found
                    where found.cell_id in (select changed_cells.cell_id from changed_cells)
                )
            {%- endif %}
            or exists (
                select 1
                from {{ cells }}
                having {{ in_days('min(list_on)', list_days) }}
            )
        )
)

select * from final
