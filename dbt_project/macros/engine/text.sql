{#- What engines spell differently about JSON text and ordered lists. -#}

{#- JSON text of one object; `pairs` maps a key to an SQL expression. -#}
{% macro json_text(pairs) -%}
    {{ return(adapter.dispatch('json_text', 'ringfence')(pairs)) }}
{%- endmacro %}

{% macro duckdb__json_text(pairs) -%}
    cast(json_object(
        {%- for key, value in pairs.items() -%} '{{ key }}', {{ value }}{{ ', ' if not loop.last }} {%- endfor -%}
    ) as varchar)
{%- endmacro %}


{#- One member of a JSON object held as text, as text. -#}
{% macro json_member(document, key) -%}
    {{ return(adapter.dispatch('json_member', 'ringfence')(document, key)) }}
{%- endmacro %}

{% macro duckdb__json_member(document, key) -%}
    json_extract_string({{ document }}, '$.{{ key }}')
{%- endmacro %}


{#- Aggregate: values joined by a comma and a blank, in a given order. -#}
{% macro ordered_list(value, order_by) -%}
    {{ return(adapter.dispatch('ordered_list', 'ringfence')(value, order_by)) }}
{%- endmacro %}

{% macro duckdb__ordered_list(value, order_by) -%}
    string_agg({{ value }}, ', ' order by {{ order_by }})
{%- endmacro %}
