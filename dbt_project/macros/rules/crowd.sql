{#-
CROWD: `min_numbers` or more numbers paid on one cell at one merchant in one hour.
-#}
{% macro rule_crowd() -%}
    {{ return({
        'rule_id': 'CROWD',
        'parameters': {'min_numbers': {'type': 'integer', 'least': 2}},
        'hit': "crowd_numbers >= crowd__min_numbers",
        'known_dt': 'cell_dt',
        'evidence': {'cell_id': 'cell_id', 'merchant_id': 'merchant_id', 'numbers': 'crowd_numbers'},
    }) }}
{%- endmacro %}
