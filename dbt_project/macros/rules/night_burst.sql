{#-
NIGHT_BURST: at night (`from_hour` until before `to_hour`), one of `min_payments` of the number within
`minutes`.
-#}
{% macro rule_night_burst() -%}
    {{ return({
        'rule_id': 'NIGHT_BURST',
        'parameters': {
            'from_hour': {'type': 'integer', 'least': 0, 'most': 23},
            'to_hour': {'type': 'integer', 'least': 1, 'most': 24},
            'min_payments': {'type': 'integer', 'least': 2},
            'minutes': {'type': 'double', 'least': 0, 'most': minutes_beside_a_payment() | int},
        },
        'in_order': [['from_hour', 'to_hour']],
        'hit': item_at('neighbour_seconds', 'night_burst__min_payments - 1') ~ " <= 60 * night_burst__minutes"
            ~ " and hour(occurred_at) >= night_burst__from_hour and hour(occurred_at) < night_burst__to_hour",
        'known_dt': 'first_dt',
        'evidence': {'hour': 'hour(occurred_at)', 'neighbour_seconds': 'neighbour_seconds'},
    }) }}
{%- endmacro %}
