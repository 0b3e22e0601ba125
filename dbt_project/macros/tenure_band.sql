{#- How long a line has been with its provider, in four bands of years; lines without a beginning stand apart. -#}
{% macro tenure_band(days) -%}
    case
        when {{ days }} < 365 then 'under 1 year'
        when {{ days }} < 2 * 365 then '1 to 2 years'
        when {{ days }} < 4 * 365 then '2 to 4 years'
        when {{ days }} >= 4 * 365 then 'over 4 years'
        else 'unknown'
    end
{%- endmacro %}
