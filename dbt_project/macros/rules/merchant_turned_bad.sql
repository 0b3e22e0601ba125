{#-
MERCHANT_TURNED_BAD: within the `days` before it was first delivered, `min_confirmed` or more frauds at its
merchant became known as confirmed, and they are `min_confirmed_pct` per cent or more of the payments that the
merchant took in that time.
-#}
{% macro rule_merchant_turned_bad() -%}
    {{ return({
        'rule_id': 'MERCHANT_TURNED_BAD',
        'parameters': {'days': 'integer', 'min_confirmed': 'integer', 'min_confirmed_pct': 'double'},
        'hit': "bad_merchant_frauds >= merchant_turned_bad__min_confirmed"
            ~ " and 100.0 * bad_merchant_frauds >= merchant_turned_bad__min_confirmed_pct * bad_merchant_payments",
        'known_dt': 'first_dt',
        'evidence': {'merchant_id': 'merchant_id', 'confirmed': 'bad_merchant_frauds', 'payments': 'bad_merchant_payments'},
    }) }}
{%- endmacro %}
