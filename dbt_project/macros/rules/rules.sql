{#-
The rules that `rule_hit` knows. Each is a macro that returns its `rule_id`; the `parameters` that it takes from
`fraud_rules`; and three SQL expressions over the columns of `rule_hit`'s `judged`: whether it hits, the delivery by
which that was known, and what it saw. In them, `<rule>__<parameter>` is the parameter's value. `feeds` are those whose
delivery of that day may tell it; of the payments' alone, where it says nothing.

Of a parameter it says the SQL `type`, whether it `is_list` (of texts), and the `least` and the `most` that it may be;
`in_order` are pairs of parameters of which the first must be below the second. Of its evidence, `amounts` are money.
Every row of `fraud_rules` is held against this before a run. A rule without an enabled row hits nothing.
-#}
{% macro fraud_rules() -%}
    {{ return([
        rule_unregistered_cell(),
        rule_exposed_number(),
        rule_attach_burst(),
        rule_incomplete_ars_call(),
        rule_night_payment(),
        rule_night_burst(),
        rule_rapid_repeat(),
        rule_first_at_merchant(),
        rule_first_in_category(),
        rule_cash_like(),
        rule_unusual_amount(),
        rule_near_cap(),
        rule_cap_raised(),
        rule_number_changed(),
        rule_unusual_method(),
        rule_refused_before(),
        rule_crowd(),
        rule_fraud_at_merchant(),
        rule_merchant_turned_bad(),
        rule_fraud_on_cell(),
        rule_cap_drained(),
        rule_changed_then_cash(),
        rule_new_line_drained(),
        rule_serial_disputer(),
        rule_abandoned_before(),
        rule_fraud_at_merchant_now(),
    ]) }}
{%- endmacro %}

{#- Select list of one row, of rows of `fraud_rules`: every rule's points and parameters beside each other. -#}
{% macro rule_parameters(rules) -%}
    {%- for rule in rules %}
    {%- set prefix = rule.rule_id | lower ~ '__' %}
    any_value(points) filter (where rule_id = '{{ rule.rule_id }}') as {{ prefix }}points,
    {%- for name, parameter in rule.parameters.items() %}
    any_value(cast({{ json_member('parameters', name) }} as {{ parameter.type }}))
        filter (where rule_id = '{{ rule.rule_id }}')
        as {{ prefix }}{{ name }},
    {%- endfor %}
    {%- endfor %}
    min(kept_from_score) as kept_from_score
{%- endmacro %}

{#- Select list: the delivery by which each rule hit, null where it does not. -#}
{% macro rule_known_dts(rules) -%}
    {%- for rule in rules %}
    case when {{ rule.rule_id | lower }}__points is not null and {{ rule.hit }} then {{ rule.known_dt }} end
        as {{ rule.rule_id | lower }}__known_dt{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Sum of the points of the rules that hit. -#}
{% macro rule_score(rules) -%}
    {%- for rule in rules %}
    {%- set prefix = rule.rule_id | lower ~ '__' %}
    {{ '+ ' if not loop.first }}case when {{ prefix }}known_dt is not null then {{ prefix }}points else 0 end
    {%- endfor %}
{%- endmacro %}

{#-
Query: one row per hit, with its evidence. `payments` is a relation with the columns of `rule_known_dts`, and those that
the evidence names; `versions` one with the row of `fraud_rules` that is in force of each rule.
-#}
{% macro rule_hits(rules, payments, versions) -%}
    {{ return(adapter.dispatch('rule_hits', 'ringfence')(rules, payments, versions)) }}
{%- endmacro %}

{% macro duckdb__rule_hits(rules, payments, versions) -%}
    {%- for rule in rules %}
    select
        payments.payment_id,
        versions.rule_id,
        versions.version,
        versions.points,
        {{ json_text(rule.evidence) }} as evidence,
        payments.{{ rule.rule_id | lower }}__known_dt as known_dt
    from {{ payments }} as payments
    inner join {{ versions }} as versions on versions.rule_id = '{{ rule.rule_id }}'
    where payments.{{ rule.rule_id | lower }}__known_dt is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Query: one row per rule and feed whose deliveries tell its hits; payments, where the rule does not say. -#}
{% macro rule_feeds(rules) -%}
    {%- for rule in rules %}
    {%- set is_last_rule = loop.last %}
    {%- for feed in rule.get('feeds') or ['payments'] %}
    select
        '{{ rule.rule_id }}' as rule_id,
        '{{ feed }}' as feed
    {{ 'union all' if not (is_last_rule and loop.last) }}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}
