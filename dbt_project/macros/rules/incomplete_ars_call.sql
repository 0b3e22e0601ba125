{#-
INCOMPLETE_ARS_CALL: authenticated by an automated call (the rule's `auth_method`) whose call log is incomplete.
An unknown call log is no hit.

Reads the relations `payments` and `rules` of the calling model. One row per hit.
-#}
{% macro rule_incomplete_ars_call() %}
    select
        payments.payment_id,
        rules.rule_id,
        rules.version,
        rules.points,
        {{ json_text({
            'auth_method': 'payments.auth_method',
            'is_ars_call_complete': 'payments.is_ars_call_complete',
        }) }} as evidence,
        payments.ars_incomplete_dt as known_dt
    from payments
    inner join rules
        on
            rules.rule_id = 'INCOMPLETE_ARS_CALL'
            and payments.auth_method = {{ json_member('rules.parameters', 'auth_method') }}
    where not payments.is_ars_call_complete
{% endmacro %}
