{#- What engines spell differently about lists. -#}

{#- Aggregate: the values of a group that are not null, smallest first; null for none. -#}
{% macro sorted_values(value) -%}
    {{ return(adapter.dispatch('sorted_values', 'ringfence')(value)) }}
{%- endmacro %}

{% macro duckdb__sorted_values(value) -%}
    list({{ value }} order by {{ value }}) filter (where {{ value }} is not null)
{%- endmacro %}


{#- The item at a position, from 1; null beyond the end. -#}
{% macro item_at(values, position) -%}
    {{ return(adapter.dispatch('item_at', 'ringfence')(values, position)) }}
{%- endmacro %}

{% macro duckdb__item_at(values, position) -%}
    list_extract({{ values }}, cast({{ position }} as bigint))
{%- endmacro %}


{#- Whether a value is an item of a JSON array held as text. -#}
{% macro is_in_json_list(value, document) -%}
    {{ return(adapter.dispatch('is_in_json_list', 'ringfence')(value, document)) }}
{%- endmacro %}

{% macro duckdb__is_in_json_list(value, document) -%}
    list_contains(from_json({{ document }}, '["VARCHAR"]'), {{ value }})
{%- endmacro %}


{#- How many items of a list are at most so much; null for no list. -#}
{% macro items_up_to(values, most) -%}
    {{ return(adapter.dispatch('items_up_to', 'ringfence')(values, most)) }}
{%- endmacro %}

{% macro duckdb__items_up_to(values, most) -%}
    len(list_filter({{ values }}, lambda item: item <= {{ most }}))
{%- endmacro %}


{#- How many items a list has; null for no list. -#}
{% macro items_in(values) -%}
    {{ return(adapter.dispatch('items_in', 'ringfence')(values)) }}
{%- endmacro %}

{% macro duckdb__items_in(values) -%}
    len({{ values }})
{%- endmacro %}
