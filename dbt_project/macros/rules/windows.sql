{#-
How far the models look that feed the rules: whole numbers, which a rule's own parameters cannot exceed. The same macro
is read by the model and by the rule, so a wider window widens what a site may ask for.
-#}

{#- Minutes before and after a payment in which `int_payment_feature` sees the number's other payments. -#}
{% macro minutes_beside_a_payment() -%}
    60
{%- endmacro %}

{#- Days for which a payment is judged again when what its merchant took before it changes. -#}
{% macro days_of_a_merchants_takings() -%}
    30
{%- endmacro %}

{#- Numbers on one cell within an hour from which on `int_cell_hour` keeps the hour. -#}
{% macro least_numbers_of_a_crowded_hour() -%}
    5
{%- endmacro %}

{#- Days, the payment's own included, over which features count. -#}
{% macro feature_windows() -%}
    {{ return([1, 7, 30]) }}
{%- endmacro %}

{#- Days before a payment in which `int_number_habit` sees what its number usually pays. -#}
{% macro days_of_a_numbers_habits() -%}
    90
{%- endmacro %}

{#- Days before a payment in which `int_number_habit` counts the number's rejected disputes. -#}
{% macro days_of_rejected_disputes() -%}
    180
{%- endmacro %}

{#- Kinds of place where payments are made: the column that names one, and that of the day from which it is known. -#}
{% macro places_of_payments() -%}
    {{ return({'MERCHANT': ['merchant_id', 'first_dt'], 'CELL': ['cell_id', 'cell_dt']}) }}
{%- endmacro %}
