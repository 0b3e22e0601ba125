{#-
INCOMPLETE_ARS_CALL: authenticated by an automated call (`auth_method`) whose call log is incomplete. An unknown
call log is not a hit.
-#}
{% macro rule_incomplete_ars_call() -%}
    {{ return({
        'rule_id': 'INCOMPLETE_ARS_CALL',
        'parameters': {'auth_method': {'type': 'string'}},
        'hit': "not is_ars_call_complete and auth_method = incomplete_ars_call__auth_method",
        'known_dt': 'ars_incomplete_dt',
        'evidence': {'auth_method': 'auth_method', 'is_ars_call_complete': 'is_ars_call_complete'},
    }) }}
{%- endmacro %}
