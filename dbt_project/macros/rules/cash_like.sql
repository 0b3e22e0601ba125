{#-
CASH_LIKE: bought something that is as good as cash: one of `categories`. What a merchant sells says nothing more once
the merchant itself has turned bad.
-#}
{% macro rule_cash_like() -%}
    {{ return({
        'rule_id': 'CASH_LIKE',
        'parameters': {'categories': {'type': 'string', 'is_list': true}},
        'hit': is_in_json_list('merchant_category', 'cash_like__categories')
            ~ " and not coalesce(" ~ rule_merchant_turned_bad().hit ~ ", false)",
        'known_dt': 'first_dt',
        'evidence': {'merchant_category': 'merchant_category'},
    }) }}
{%- endmacro %}
