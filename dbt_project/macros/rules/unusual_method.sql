{#-
UNUSUAL_METHOD: at most `max_share_pct` per cent of the number's earlier payments, of which there are at least
`min_earlier`, were authenticated that way.
-#}
{% macro rule_unusual_method() -%}
    {{ return({
        'rule_id': 'UNUSUAL_METHOD',
        'parameters': {
            'min_earlier': {'type': 'integer', 'least': 0},
            'max_share_pct': {'type': 'double', 'least': 0, 'most': 100},
        },
        'hit': "earlier_payments >= unusual_method__min_earlier"
            ~ " and 100e0 * earlier_by_method <= unusual_method__max_share_pct * earlier_payments",
        'known_dt': 'first_dt',
        'evidence': {
            'auth_method': 'auth_method',
            'earlier_by_method': 'earlier_by_method',
            'earlier_payments': 'earlier_payments',
        },
    }) }}
{%- endmacro %}
