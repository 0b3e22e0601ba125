{#-
NEW_LINE_DRAINED: the line was activated at most `days` before, and with this payment the number had been charged
`min_pct` per cent or more of the month's cap.
-#}
{% macro rule_new_line_drained() -%}
    {{ return({
        'rule_id': 'NEW_LINE_DRAINED',
        'parameters': {
            'days': {'type': 'integer', 'least': 0},
            'min_pct': {'type': 'double', 'least': 0, 'most': 100},
        },
        'hit': "days_since_activation between 0 and new_line_drained__days "
            ~ "and cap_used_pct >= new_line_drained__min_pct",
        'known_dt': 'first_dt',
        'evidence': {'days': 'days_since_activation', 'cap_used_pct': 'cap_used_pct'},
    }) }}
{%- endmacro %}
