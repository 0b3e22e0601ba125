{#-
UNUSUAL_AMOUNT: at least `min_times` what is usual at its merchant, which took at least `min_payments` in the thirty
days before.
-#}
{% macro rule_unusual_amount() -%}
    {{ return({
        'rule_id': 'UNUSUAL_AMOUNT',
        'parameters': {'min_times': {'type': 'double', 'least': 0}, 'min_payments': {'type': 'bigint', 'least': 1}},
        'hit': "merchant_payments >= unusual_amount__min_payments"
            ~ " and amount >= unusual_amount__min_times * merchant_usual_amount",
        'known_dt': 'first_dt',
        'evidence': {'amount': 'amount', 'usual_amount': 'merchant_usual_amount', 'payments': 'merchant_payments'},
        'amounts': ['amount', 'usual_amount'],
    }) }}
{%- endmacro %}
