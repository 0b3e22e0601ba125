{#-
Standard errors to either side of an estimate in an interval of 95 %, as all published intervals are: the 97.5 % point
of the normal distribution.
-#}
{% macro interval_z() -%}
    {{ return(1.959963984540054) }}
{%- endmacro %}

{#-
Wilson's interval of a share (Wilson, 1927), which holds for few and for none: its middle, and half its width. `share`
is the share seen, `of` how many it is a share of.
-#}
{% macro wilson_middle(share, of) -%}
    {%- set z = interval_z() -%}
    ({{ share }} + {{ z * z }} / (2e0 * {{ of }})) / (1e0 + {{ z * z }} / {{ of }})
{%- endmacro %}

{% macro wilson_half_width(share, of) -%}
    {%- set z = interval_z() -%}
    {{ z }} * sqrt({{ share }} * (1e0 - {{ share }}) / {{ of }} + {{ z * z }} / (4e0 * {{ of }} * {{ of }}))
    / (1e0 + {{ z * z }} / {{ of }})
{%- endmacro %}
