{#-
FRAUD_ON_CELL: within the `days` before it was first delivered, `min_confirmed` or more frauds on its cell
became known as confirmed.
-#}
{% macro rule_fraud_on_cell() -%}
    {{ return({
        'rule_id': 'FRAUD_ON_CELL',
        'parameters': {'days': {'type': 'integer', 'least': 1}, 'min_confirmed': {'type': 'integer', 'least': 1}},
        'hit': "cell_frauds >= fraud_on_cell__min_confirmed",
        'known_dt': 'greatest(cell_dt, first_dt)',
        'evidence': {'cell_id': 'cell_id', 'confirmed': 'cell_frauds'},
    }) }}
{%- endmacro %}
