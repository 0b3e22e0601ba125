{#-
FRAUD_AT_MERCHANT: within the `days` before it was first delivered, `min_confirmed` or more frauds at its
merchant became known as confirmed.
-#}
{% macro rule_fraud_at_merchant() -%}
    {{ return({
        'rule_id': 'FRAUD_AT_MERCHANT',
        'parameters': {'days': {'type': 'integer', 'least': 1}, 'min_confirmed': {'type': 'integer', 'least': 1}},
        'hit': "merchant_frauds >= fraud_at_merchant__min_confirmed",
        'known_dt': 'first_dt',
        'evidence': {'merchant_id': 'merchant_id', 'confirmed': 'merchant_frauds'},
    }) }}
{%- endmacro %}
