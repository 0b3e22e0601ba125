{#-
What lines are alike in when those whom a breach concerned are compared with others, of a row of `dim_line` on a day:
tenure, plan, region, and the contract that a waiver is about: its kind, and the months that it has left.
-#}
{% macro breach_stratum(line, day) -%}
    {%- set months_left = full_months_between(day, line ~ '.contract_end_on') -%}
    concat_ws(
        ' | ',
        {{ tenure_band(days_between(line ~ '.activated_on', day)) }},
        coalesce({{ line }}.plan_code, 'unknown'),
        coalesce({{ line }}.region_code, 'unknown'),
        case
            when {{ line }}.contract_end_on > {{ day }} then coalesce({{ line }}.contract_kind, 'unknown')
            else 'no contract'
        end,
        case
            when {{ line }}.contract_end_on is null or {{ line }}.contract_end_on <= {{ day }} then '-'
            when {{ months_left }} < 6 then 'under 6 months left'
            when {{ months_left }} < 12 then '6 to 12 months left'
            else 'over 12 months left'
        end
    )
{%- endmacro %}
