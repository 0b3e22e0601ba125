{#-
FIRST_IN_CATEGORY: the number's first payment ever in that category, though it has paid at least
`min_earlier` times elsewhere: whoever has no habits cannot break them.
-#}
{% macro rule_first_in_category() -%}
    {{ return({
        'rule_id': 'FIRST_IN_CATEGORY',
        'parameters': {'min_earlier': {'type': 'integer', 'least': 0}},
        'hit': "earlier_in_category = 0 and earlier_payments >= first_in_category__min_earlier",
        'known_dt': 'first_dt',
        'evidence': {'merchant_category': 'merchant_category', 'earlier_payments': 'earlier_payments'},
    }) }}
{%- endmacro %}
