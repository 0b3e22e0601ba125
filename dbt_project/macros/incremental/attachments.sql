{#-
Days (ISO text) of attachments whose cells may have entered or left the registry: pending ones; those on which the
calling model found a cell that a pending list changed; those from that list on, or from the day on which such a cell is
missing now, unless the list before said so already; and every day, where a pending list is the first there is.
-#}
{% macro attachment_days_of_changed_cells(registrations, lists) -%}
    {%- set touched = touched_list_days('cell_registry', lists) -%}
    {%- set before = with_previous_list_days(touched, lists) | reject('in', touched) | list -%}
    {%- set changed = model.name ~ '__cells' -%}
    {%- do keep_keys(changed, 'cell_id', [cells_changed('cell_registry', lists)]) -%}
    {{ return(column_of(
        "select cast(dt as varchar) from " ~ revision_relation() ~ " where feed = 'cell_attachments' and is_current and ("
        ~ in_days('dt', pending_days('cell_attachments'))
        ~ " or dt in (select dt from " ~ this ~ " where cell_id in (select cell_id from " ~ changed ~ "))"
        ~ " or dt >= " ~ earliest(touched)
        ~ " or dt >= (select min(unregistered_from) from " ~ registrations ~ " as cell"
        ~ " where cell_id in (select cell_id from " ~ changed ~ ") and not exists ("
        ~ "select 1 from " ~ all_revisions('cell_registry') ~ " as said where " ~ in_days('said.dt', before)
        ~ " and said.cell_id = cell.cell_id and said.deregistered_on + interval 1 day = cell.unregistered_from))"
        ~ " or exists (select 1 from " ~ lists ~ " having " ~ in_days('min(list_on)', pending_days('cell_registry')) ~ ")"
        ~ ") order by 1"
    )) }}
{%- endmacro %}

{#- Numbers on one cell within an hour from which on the hour is kept (`int_cell_hour`). -#}
{% macro least_numbers_of_a_crowded_hour() -%}
    5
{%- endmacro %}
