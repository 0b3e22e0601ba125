{#-
FIRST_IN_CATEGORY: the number's first payment ever in that category.
-#}
{% macro rule_first_in_category() -%}
    {{ return({
        'rule_id': 'FIRST_IN_CATEGORY',
        'parameters': {},
        'hit': "earlier_in_category = 0",
        'known_dt': 'first_dt',
        'evidence': {'merchant_category': 'merchant_category', 'earlier_payments': 'earlier_payments'},
    }) }}
{%- endmacro %}
