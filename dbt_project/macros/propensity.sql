{#- What the probability of leaving rests on: columns of int_propensity_line, in the order of the reasons. -#}
{% macro propensity_features() -%}
    {{ return([
        'months_left', 'contract', 'fee_stated', 'tenure', 'plan_code', 'age_band', 'province', 'exposure', 'disputed',
        'came_from', 'sim_changed', 'line_type', 'other_lines',
    ]) }}
{%- endmacro %}

{#- The same in the words of a reason. -#}
{% macro propensity_words() -%}
    {{ return({
        'months_left': 'contract months left', 'contract': 'kind of contract', 'fee_stated': 'fee for leaving',
        'tenure': 'time with us', 'plan_code': 'tariff', 'age_band': 'age', 'province': 'province',
        'exposure': 'exposure to an unregistered cell', 'disputed': 'disputes of payments', 'came_from': 'came from',
        'sim_changed': 'SIM change', 'line_type': 'kind of line', 'other_lines': 'other lines of the account',
    }) }}
{%- endmacro %}

{#- Days within which a departure is foretold. -#}
{% macro horizon_days() -%}
    30
{%- endmacro %}
