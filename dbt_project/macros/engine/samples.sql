{#- Whether a pseudonym is of the sample `of` something, which halves all so many times; the same ones every day. -#}
{% macro is_sampled(key, halvings, of) -%}
    {{ return(adapter.dispatch('is_sampled', 'ringfence')(key, halvings, of)) }}
{%- endmacro %}

{% macro duckdb__is_sampled(key, halvings, of) -%}
    {{ duckdb__share_of(key, of) }} < {{ 1.0 / 2 ** halvings }}
{%- endmacro %}

{#- A number from 0 to below 1 that a pseudonym always draws for a purpose; none of two purposes tells the other. -#}
{% macro share_of(key, purpose) -%}
    {{ return(adapter.dispatch('share_of', 'ringfence')(key, purpose)) }}
{%- endmacro %}

{% macro duckdb__share_of(key, purpose) -%}
    cast('0x' || left(md5('{{ purpose }}' || cast({{ key }} as varchar)), 7) as integer) / 268435456e0
{%- endmacro %}
