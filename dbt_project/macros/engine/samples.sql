{#-
Whether a pseudonym is of the sample `of` something, which halves all so many times: its share is below that part. The
same ones every day. Hexadecimal digits sort as numbers do.
-#}
{% macro is_sampled(key, halvings, of) -%}
    md5('{{ of }}' || cast({{ key }} as string)) < '{{ '%07x' % (2 ** (28 - halvings)) }}'
{%- endmacro %}

{#- A number from 0 to below 1 that a pseudonym always draws for a purpose; none of two purposes tells the other. -#}
{% macro share_of(key, purpose) -%}
    {{ return(adapter.dispatch('share_of', 'ringfence')(key, purpose)) }}
{%- endmacro %}

{% macro duckdb__share_of(key, purpose) -%}
    cast('0x' || left(md5('{{ purpose }}' || cast({{ key }} as varchar)), 7) as integer) / 268435456e0
{%- endmacro %}
