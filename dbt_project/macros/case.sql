{#- A line's case is named after the payment that opened it, which no re-keying of pseudonyms changes. -#}
{% macro case_of_payment(payment_id) -%}
    'case-' || {{ payment_id }}
{%- endmacro %}

{% macro payment_of_case(case_id) -%}
    substr({{ case_id }}, 6)
{%- endmacro %}

{#- Whether a case is a line's. -#}
{% macro is_case_of_payment(case_id) -%}
    {{ case_id }} like 'case-%'
{%- endmacro %}

{#- The case of a cell, a merchant …: named after what it is about. -#}
{% macro case_of_subject(kind, key) -%}
    '{{ kind | lower }}-' || {{ key }}
{%- endmacro %}
