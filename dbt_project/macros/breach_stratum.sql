{#-
What lines are alike in when those whom a breach concerned are compared with others: controls are matched by it, their
rate is weighted by it, and Cox's model is stratified by it.
-#}
{% macro breach_stratum() -%}
    incident_id, tenure_band, plan_code, region_code
{%- endmacro %}
