{#- What the probability of leaving rests on: columns of int_propensity_line, in the order of the reasons. -#}
{% macro propensity_features() -%}
    {{ return([
        'months_left', 'contract', 'fee_stated', 'tenure', 'plan_code', 'age_band', 'province', 'exposure', 'disputed',
        'came_from', 'sim_changed', 'line_type',
    ]) }}
{%- endmacro %}

{#- Days within which a departure is foretold. -#}
{% macro horizon_days() -%}
    30
{%- endmacro %}
