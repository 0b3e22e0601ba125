{#-
SERIAL_DISPUTER: in the 180 days before, `min_rejected` or more disputes of the number were rejected.
-#}
{% macro rule_serial_disputer() -%}
    {{ return({
        'rule_id': 'SERIAL_DISPUTER',
        'parameters': {'min_rejected': {'type': 'integer', 'least': 1}},
        'hit': "rejected_disputes >= serial_disputer__min_rejected",
        'known_dt': 'first_dt',
        'evidence': {'rejected': 'rejected_disputes'},
    }) }}
{%- endmacro %}
