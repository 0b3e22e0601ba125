{#- Numbers on one cell within an hour from which on the hour is kept (`int_cell_hour`). -#}
{% macro least_numbers_of_a_crowded_hour() -%}
    5
{%- endmacro %}
