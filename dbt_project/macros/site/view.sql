{#-
Whose numbers the marts show: `market`, or `operator:<group>` for what one operator's extract can tell. The
predicate is true for a row in which one of the given group columns is that operator's.
-#}
{% macro in_view(group_columns) -%}
    {%- set view = env_var('RINGFENCE_VIEW', 'market') -%}
    {%- if view == 'market' -%}
        true
    {%- elif view.startswith('operator:') -%}
        '{{ view.split(':')[1] }}' in ({{ group_columns | join(', ') }})
    {%- else -%}
        {{ exceptions.raise_compiler_error("RINGFENCE_VIEW is '" ~ view ~ "'; it must be market or operator:<group>") }}
    {%- endif -%}
{%- endmacro %}
