{#-
CASH_LIKE: bought something that is as good as cash (`categories`).
-#}
{% macro rule_cash_like() -%}
    {{ return({
        'rule_id': 'CASH_LIKE',
        'parameters': {'categories': 'varchar'},
        'hit': is_in_json_list('merchant_category', 'cash_like__categories'),
        'known_dt': 'first_dt',
        'evidence': {'merchant_category': 'merchant_category'},
    }) }}
{%- endmacro %}
