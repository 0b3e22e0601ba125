{#-
Queries for the ports that pending deliveries may change: a number's ports depend on each other (returns) and on
the lines that carried the number, so all ports of a touched number are touched. `lines` holds every line's
numbers; the model's own rows say which number a port had before.
-#}
{% macro ports_of_touched_numbers(ports, lines) -%}
    {%- set port_rows = all_revisions('portability_events') ~ " where " ~ in_days('dt', pending_days('portability_events')) -%}
    {%- set line_rows = all_revisions('subscriptions') ~ " where " ~ in_days('dt', pending_days('subscriptions')) -%}
    {%- set ids = model.name ~ '__delivered_ports' -%}
    {%- set numbers = model.name ~ '__numbers' -%}
    {%- do keep_keys(ids, 'port_id', ["select port_id from " ~ port_rows]) -%}
    {%- do keep_keys(numbers, 'number_key', [
        "select number_key from " ~ port_rows,
        "select number_key from " ~ this ~ " where port_id in (select port_id from " ~ ids ~ ")",
        "select number_key from " ~ ports ~ " where port_id in (select port_id from " ~ ids ~ ")",
        "select number_key from " ~ line_rows,
        "select number_key from " ~ lines ~ " where line_key in (select line_key from " ~ line_rows ~ ")",
    ]) -%}
    {%- set of_numbers = " where number_key in (select number_key from " ~ numbers ~ ")" -%}
    {{ return([
        "select port_id from " ~ ids,
        "select port_id from " ~ this ~ of_numbers,
        "select port_id from " ~ ports ~ of_numbers,
    ]) }}
{%- endmacro %}
