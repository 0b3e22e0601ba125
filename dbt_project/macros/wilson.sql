{#-
Wilson's interval of a share (Wilson, 1927) at 95 %, which holds for few and for none: its middle, and half its width.
`share` is the share seen, `of` how many it is a share of.
-#}
{% macro wilson_middle(share, of) -%}
    {%- set z = 1.959963984540054 -%}
    ({{ share }} + {{ z * z }} / (2e0 * {{ of }})) / (1e0 + {{ z * z }} / {{ of }})
{%- endmacro %}

{% macro wilson_half_width(share, of) -%}
    {%- set z = 1.959963984540054 -%}
    {{ z }} * sqrt({{ share }} * (1e0 - {{ share }}) / {{ of }} + {{ z * z }} / (4e0 * {{ of }} * {{ of }}))
    / (1e0 + {{ z * z }} / {{ of }})
{%- endmacro %}
