{#-
NEAR_CAP: the amount is at least `min_pct` per cent of the monthly cap.
-#}
{% macro rule_near_cap() -%}
    {{ return({
        'rule_id': 'NEAR_CAP',
        'parameters': {'min_pct': {'type': 'double', 'least': 0}},
        'hit': "100e0 * amount >= near_cap__min_pct * monthly_limit",
        'known_dt': 'first_dt',
        'evidence': {'amount': 'amount', 'monthly_limit': 'monthly_limit'},
        'amounts': ['amount', 'monthly_limit'],
    }) }}
{%- endmacro %}
