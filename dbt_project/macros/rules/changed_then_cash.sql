{#-
CHANGED_THEN_CASH: something as good as cash (one of the `categories`), at most `hours` after the number came in by
porting or its SIM was changed. The change is the one that NUMBER_CHANGED knows, so its days are the most that it looks
back.
-#}
{% macro rule_changed_then_cash() -%}
    {{ return({
        'rule_id': 'CHANGED_THEN_CASH',
        'parameters': {
            'hours': {'type': 'double', 'least': 0, 'most': 168},
            'categories': {'type': 'string', 'is_list': true},
        },
        'hit': "changed_dt is not null and "
            ~ seconds_between('changed_at', 'occurred_at') ~ " <= 3600 * changed_then_cash__hours and "
            ~ is_in_json_list('merchant_category', 'changed_then_cash__categories'),
        'known_dt': 'changed_dt',
        'feeds': ['payments', 'portability_events', 'sim_changes'],
        'evidence': {'kind': 'changed_kind', 'changed_at': 'changed_at', 'merchant_category': 'merchant_category'},
    }) }}
{%- endmacro %}
