{#-
UNREGISTERED_CELL: the payment authenticated on a cell that is not in the registry in force that day, which is
the last list delivered for that day or earlier (so a missing list accuses nobody, and before the first list
there is no registry to miss from). Any later list that holds the cell clears it.
-#}
{% macro rule_unregistered_cell() -%}
    {{ return({
        'rule_id': 'UNREGISTERED_CELL',
        'parameters': {},
        'hit': "unregistered_dt is not null",
        'known_dt': 'unregistered_dt',
        'feeds': ['payments', 'cell_registry'],
        'evidence': {'cell_id': 'cell_id', 'used_on': 'unregistered_on', 'delisted_on': 'delisted_on'},
    }) }}
{%- endmacro %}
