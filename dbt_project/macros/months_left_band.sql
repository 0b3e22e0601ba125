{#- How long a contract still binds, in four bands of full months. -#}
{% macro months_left_band(months) -%}
    case
        when {{ months }} < 6 then 'under 6 months'
        when {{ months }} < 12 then '6 to 12 months'
        when {{ months }} < 18 then '12 to 18 months'
        else 'over 18 months'
    end
{%- endmacro %}
