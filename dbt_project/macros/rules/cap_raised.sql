{#-
CAP_RAISED: the cap was raised less than `hours` before.
-#}
{% macro rule_cap_raised() -%}
    {{ return({
        'rule_id': 'CAP_RAISED',
        'parameters': {'hours': {'type': 'double', 'least': 0}},
        'hit': "limit_raised_at <= occurred_at and " ~ seconds_between('limit_raised_at', 'occurred_at')
            ~ " < 3600 * cap_raised__hours",
        'known_dt': 'greatest(limit_raised_dt, first_dt)',
        'evidence': {'limit_raised_at': 'limit_raised_at'},
    }) }}
{%- endmacro %}
