{#- The natural logarithm of an amount in whole thousandths. -#}
{% macro thousandths_of_log(amount) -%}
    cast(round(1000 * ln({{ amount }})) as bigint)
{%- endmacro %}


{#- Aggregate: the value that the row with the greatest `rank` holds, rows without a value left out. -#}
{% macro last_by(value, rank) -%}
    {{ return(adapter.dispatch('last_by', 'ringfence')(value, rank)) }}
{%- endmacro %}

{% macro duckdb__last_by(value, rank) -%}
    arg_max({{ value }}, {{ rank }})
{%- endmacro %}


{#- Aggregate: the least value that so large a share of them does not exceed. -#}
{% macro quantile(value, share) -%}
    {{ return(adapter.dispatch('quantile', 'ringfence')(value, share)) }}
{%- endmacro %}

{% macro duckdb__quantile(value, share) -%}
    quantile_disc({{ value }}, {{ share }})
{%- endmacro %}
