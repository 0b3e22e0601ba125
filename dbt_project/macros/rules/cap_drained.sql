{#-
CAP_DRAINED: one of `min_payments` or more of the number within 24 hours, which together took `min_pct` per cent or more
of the monthly cap.
-#}
{% macro rule_cap_drained() -%}
    {{ return({
        'rule_id': 'CAP_DRAINED',
        'parameters': {
            'min_payments': {'type': 'integer', 'least': 2},
            'min_pct': {'type': 'double', 'least': 0, 'most': 100},
        },
        'hit': "payments_1d >= cap_drained__min_payments and 100e0 * amount_1d >= cap_drained__min_pct * monthly_limit",
        'known_dt': 'first_dt',
        'evidence': {'payments': 'payments_1d', 'amount': 'amount_1d', 'monthly_limit': 'monthly_limit'},
        'amounts': ['amount', 'monthly_limit'],
    }) }}
{%- endmacro %}
