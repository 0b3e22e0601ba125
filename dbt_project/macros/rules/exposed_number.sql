{#-
EXPOSED_NUMBER: the number was on an unregistered cell at most `hours` before, and the payment was made
elsewhere: whoever stole its codes need not keep it on the cell.
-#}
{% macro rule_exposed_number() -%}
    {{ return({
        'rule_id': 'EXPOSED_NUMBER',
        'parameters': {'hours': {'type': 'double', 'least': 0}},
        'hit': "exposed_dt is not null and unregistered_dt is null",
        'known_dt': 'exposed_dt',
        'feeds': ['payments', 'cell_attachments'],
        'evidence': {'cell_id': 'exposed_cell_id', 'seen_at': 'exposed_at'},
    }) }}
{%- endmacro %}
