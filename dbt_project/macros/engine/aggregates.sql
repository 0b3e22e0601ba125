{#- Aggregate: the value that the row with the greatest `rank` holds, rows without a value left out. -#}
{% macro value_at_max(value, rank) -%}
    {{ return(adapter.dispatch('value_at_max', 'ringfence')(value, rank)) }}
{%- endmacro %}

{% macro duckdb__value_at_max(value, rank) -%}
    arg_max({{ value }}, {{ rank }})
{%- endmacro %}
