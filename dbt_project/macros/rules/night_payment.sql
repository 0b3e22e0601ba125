{#-
NIGHT_PAYMENT: made at night (`from_hour` until before `to_hour`).
-#}
{% macro rule_night_payment() -%}
    {{ return({
        'rule_id': 'NIGHT_PAYMENT',
        'parameters': {
            'from_hour': {'type': 'integer', 'least': 0, 'most': 23},
            'to_hour': {'type': 'integer', 'least': 1, 'most': 24},
        },
        'in_order': [['from_hour', 'to_hour']],
        'hit': "hour(occurred_hour) >= night_payment__from_hour and hour(occurred_hour) < night_payment__to_hour",
        'known_dt': 'first_dt',
        'evidence': {'hour': 'hour(occurred_hour)'},
    }) }}
{%- endmacro %}
