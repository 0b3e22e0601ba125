{#-
FIRST_AT_MERCHANT: the number's first payment ever at that merchant, though it has paid in the category before (else
FIRST_IN_CATEGORY says the same) and at least `min_earlier` times in all: whoever has no habits cannot break them.
-#}
{% macro rule_first_at_merchant() -%}
    {{ return({
        'rule_id': 'FIRST_AT_MERCHANT',
        'parameters': {'min_earlier': {'type': 'integer', 'least': 0}},
        'hit': "earlier_at_merchant = 0 and earlier_in_category > 0"
            ~ " and earlier_payments >= first_at_merchant__min_earlier",
        'known_dt': 'first_dt',
        'evidence': {'merchant_id': 'merchant_id', 'earlier_payments': 'earlier_payments'},
    }) }}
{%- endmacro %}
