{#- Schemas are part of the public contract (`churn.fct_port`): exactly the configured name, without a prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
