{#-
ATTACH_BURST: `min_numbers` or more numbers were on the payment's cell in that hour: more than a femtocell
carries of itself.
-#}
{% macro rule_attach_burst() -%}
    {{ return({
        'rule_id': 'ATTACH_BURST',
        'parameters': {'min_numbers': {'type': 'bigint', 'least': least_numbers_of_a_crowded_hour() | int}},
        'hit': "burst_dt is not null",
        'known_dt': 'greatest(burst_dt, cell_dt)',
        'feeds': ['payments', 'cell_attachments'],
        'evidence': {'cell_id': 'cell_id', 'numbers': 'burst_numbers'},
    }) }}
{%- endmacro %}
