{#-
ABANDONED_BEFORE: `min_abandoned` or more attempts of the number in the seven days before were still pending by the
delivery of the day after: a code was asked for and never entered.
-#}
{% macro rule_abandoned_before() -%}
    {{ return({
        'rule_id': 'ABANDONED_BEFORE',
        'parameters': {'min_abandoned': {'type': 'integer', 'least': 1}},
        'hit': "abandoned_7d >= abandoned_before__min_abandoned",
        'known_dt': 'first_dt',
        'evidence': {'abandoned': 'abandoned_7d'},
    }) }}
{%- endmacro %}
