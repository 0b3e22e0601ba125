{#-
Query for the ports that pending deliveries may change: a number's ports depend on each other (returns) and on the lines
that carried the number, so all ports of a touched number are touched. `lines` holds every line's numbers. The model's
own earlier rows say which number a port had before, and in `line_columns` which lines: where a line's change was
delivered again with another number, nothing else remembers the first.
-#}
{% macro ports_of_touched_numbers(
    events, subscriptions, ports, lines, previous, deliveries, line_columns=['line_key']
) -%}
with port_rows as (
    select
        port_id,
        number_key
    from {{ events }}
    where {{ in_days('dt', pending_days(events, previous, deliveries)) }}
),

line_rows as (
    select
        line_key,
        number_key
    from {{ subscriptions }}
    where {{ in_days('dt', pending_days(subscriptions, previous, deliveries)) }}
),

known_ports as (
    select
        port_id,
        number_key
    from {{ ports }}
    {%- if is_kept(previous) %}
    union all
    select
        port_id,
        number_key
    from {{ previous }}
    {%- endif %}
),

numbers as (
    select number_key from port_rows
    union
    select number_key from line_rows
    union
    select number_key
    from known_ports
    where port_id in (select port_rows.port_id from port_rows)
    union
    select number_key
    from {{ lines }}
    where line_key in (select line_rows.line_key from line_rows)
)

select port_id from port_rows
union
select port_id
from known_ports
where number_key in (select numbers.number_key from numbers)
{%- if is_kept(previous) %}
{%- for column in line_columns %}
union
select port_id
from {{ previous }}
where {{ column }} in (select line_rows.line_key from line_rows)
{%- endfor %}
{%- endif %}
{%- endmacro %}
