{#-
MERCHANT_TURNED_BAD: within the `days` before it was first delivered, `min_confirmed` or more frauds at its
merchant became known as confirmed, and they are `min_confirmed_pct` per cent or more of the payments that the
merchant took in that time.
-#}
{% macro rule_merchant_turned_bad() -%}
    {{ return({
        'rule_id': 'MERCHANT_TURNED_BAD',
        'parameters': {
            'days': {'type': 'integer', 'least': 1, 'most': days_of_a_merchants_takings() | int},
            'min_confirmed': {'type': 'integer', 'least': 1},
            'min_confirmed_pct': {'type': 'double', 'least': 0, 'most': 100},
        },
        'hit': "bad_merchant_frauds >= merchant_turned_bad__min_confirmed"
            ~ " and 100e0 * bad_merchant_frauds >= merchant_turned_bad__min_confirmed_pct * bad_merchant_payments",
        'known_dt': 'first_dt',
        'evidence': {
            'merchant_id': 'merchant_id',
            'confirmed': 'bad_merchant_frauds',
            'payments': 'bad_merchant_payments',
        },
    }) }}
{%- endmacro %}
