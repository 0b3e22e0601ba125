{#-
FRAUD_AT_MERCHANT_NOW: within the seven days before, `min_confirmed` or more frauds at its merchant became known as
confirmed, and they are `min_confirmed_pct` per cent or more of the payments that the merchant took in that time. It
says nothing more once the merchant has turned bad.
-#}
{% macro rule_fraud_at_merchant_now() -%}
    {{ return({
        'rule_id': 'FRAUD_AT_MERCHANT_NOW',
        'parameters': {
            'min_confirmed': {'type': 'integer', 'least': 1},
            'min_confirmed_pct': {'type': 'double', 'least': 0, 'most': 100},
        },
        'hit': "merchant_frauds_7d >= fraud_at_merchant_now__min_confirmed and "
            ~ "100e0 * merchant_frauds_7d >= fraud_at_merchant_now__min_confirmed_pct * merchant_payments_7d"
            ~ " and not coalesce(" ~ rule_merchant_turned_bad().hit ~ ", false)",
        'known_dt': 'first_dt',
        'evidence': {
            'merchant_id': 'merchant_id',
            'confirmed': 'merchant_frauds_7d',
            'payments': 'merchant_payments_7d',
        },
    }) }}
{%- endmacro %}
