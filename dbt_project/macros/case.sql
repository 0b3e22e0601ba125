{#- A case is named after the payment that opened it, which no re-keying of pseudonyms changes. -#}
{% macro case_of_payment(payment_id) -%}
    'case-' || {{ payment_id }}
{%- endmacro %}

{% macro payment_of_case(case_id) -%}
    substr({{ case_id }}, 6)
{%- endmacro %}
