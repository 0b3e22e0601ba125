{#-
RAPID_REPEAT: one of `min_payments` of the number within `minutes`.
-#}
{% macro rule_rapid_repeat() -%}
    {{ return({
        'rule_id': 'RAPID_REPEAT',
        'parameters': {
            'min_payments': {'type': 'integer', 'least': 2},
            'minutes': {'type': 'double', 'least': 0, 'most': minutes_beside_a_payment() | int},
        },
        'hit': item_at('neighbour_seconds', 'rapid_repeat__min_payments - 1') ~ " <= 60 * rapid_repeat__minutes",
        'known_dt': 'first_dt',
        'evidence': {'neighbour_seconds': 'neighbour_seconds'},
    }) }}
{%- endmacro %}
