{#- What engines spell differently about JSON text and ordered lists. -#}

{#- JSON text of one object; `pairs` maps a key to an SQL expression. -#}
{% macro json_text(pairs) -%}
    {{ return(adapter.dispatch('json_text', 'ringfence')(pairs)) }}
{%- endmacro %}

{% macro duckdb__json_text(pairs) -%}
    cast(json_object({% for key, value in pairs.items() %}'{{ key }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %}) as varchar)
{%- endmacro %}


{#- One member of a JSON object held as text, as text. -#}
{% macro json_member(document, key) -%}
    {{ return(adapter.dispatch('json_member', 'ringfence')(document, key)) }}
{%- endmacro %}

{% macro duckdb__json_member(document, key) -%}
    json_extract_string({{ document }}, '$.{{ key }}')
{%- endmacro %}


{#- Aggregate: values joined by a comma, in their own order. -#}
{% macro sorted_list(value) -%}
    {{ return(adapter.dispatch('sorted_list', 'ringfence')(value)) }}
{%- endmacro %}

{% macro duckdb__sorted_list(value) -%}
    string_agg({{ value }}, ',' order by {{ value }})
{%- endmacro %}
