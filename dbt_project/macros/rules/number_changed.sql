{#-
NUMBER_CHANGED: the number came in by porting, or its SIM was changed, at most `days` before.
-#}
{% macro rule_number_changed() -%}
    {{ return({
        'rule_id': 'NUMBER_CHANGED',
        'parameters': {'days': {'type': 'double', 'least': 0}},
        'hit': "changed_dt is not null",
        'known_dt': 'changed_dt',
        'feeds': ['payments', 'portability_events', 'sim_changes'],
        'evidence': {'kind': 'changed_kind', 'changed_at': 'changed_at'},
    }) }}
{%- endmacro %}
