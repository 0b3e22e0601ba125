{#- What engines spell differently about window functions and about the ends of a type. -#}

{#- Window function: the last value of the frame that is not null. -#}
{% macro last_known(value) -%}
    {{ return(adapter.dispatch('last_known', 'ringfence')(value)) }}
{%- endmacro %}

{% macro duckdb__last_known(value) -%}
    last_value({{ value }} ignore nulls)
{%- endmacro %}


{#- Window function: the first value of the frame that is not null. -#}
{% macro first_known(value) -%}
    {{ return(adapter.dispatch('first_known', 'ringfence')(value)) }}
{%- endmacro %}

{% macro duckdb__first_known(value) -%}
    first_value({{ value }} ignore nulls)
{%- endmacro %}


{#- The type of pseudonyms. -#}
{% macro key_type() -%}
    {{ return(adapter.dispatch('key_type', 'ringfence')()) }}
{%- endmacro %}

{% macro duckdb__key_type() -%}
    uuid
{%- endmacro %}


{#- An instant after all others. -#}
{% macro end_of_time() -%}
    {{ return(adapter.dispatch('end_of_time', 'ringfence')()) }}
{%- endmacro %}

{% macro duckdb__end_of_time() -%}
    timestamp with time zone '9999-12-31 00:00:00+00'
{%- endmacro %}
