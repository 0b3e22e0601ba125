{#-
REFUSED_BEFORE: at least `min_refused` payments of the number were refused within `minutes` before this one,
which was not.
-#}
{% macro rule_refused_before() -%}
    {{ return({
        'rule_id': 'REFUSED_BEFORE',
        'parameters': {
            'min_refused': {'type': 'integer', 'least': 1},
            'minutes': {'type': 'double', 'least': 0, 'most': minutes_beside_a_payment() | int},
        },
        'hit': "not is_denied and " ~ item_at('refused_seconds', 'refused_before__min_refused')
            ~ " <= 60 * refused_before__minutes",
        'known_dt': 'first_dt',
        'evidence': {'refused_seconds': 'refused_seconds'},
    }) }}
{%- endmacro %}
