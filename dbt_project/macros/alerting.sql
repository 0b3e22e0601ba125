{#-
Detectors that raise alerts, as the site says (`alert_by`): each is a model `int_alert_<detector>` of one shape, one row
per payment that it suspects. What the queue follows is `int_alert`, which is made of these.
-#}
{% macro alerting_detectors() -%}
    {%- set choices = {'rules': ['rules'], 'score': ['score'], 'either': ['rules', 'score']} -%}
    {{ return(choices[env_var('RINGFENCE_ALERT_BY', 'rules')]) }}
{%- endmacro %}

{#- The odds of a probability, in doublings; one that is as good as certain has 40. -#}
{% macro log2_odds(probability) -%}
    ln(greatest({{ probability }}, 1e-12) / greatest(1e0 - {{ probability }}, 1e-12)) / ln(2)
{%- endmacro %}
