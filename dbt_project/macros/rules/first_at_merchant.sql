{#-
FIRST_AT_MERCHANT: the number's first payment ever at that merchant.
-#}
{% macro rule_first_at_merchant() -%}
    {{ return({
        'rule_id': 'FIRST_AT_MERCHANT',
        'parameters': {},
        'hit': "earlier_at_merchant = 0",
        'known_dt': 'first_dt',
        'evidence': {'merchant_id': 'merchant_id', 'earlier_payments': 'earlier_payments'},
    }) }}
{%- endmacro %}
