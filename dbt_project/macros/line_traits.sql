{#- What lines are told apart by: a trait's name → the column of its value. -#}
{% macro line_traits() -%}
    {{ return({
        'REGION': 'region_code',
        'AGE_BAND': 'age_band',
        'CONTRACT_KIND': 'contract_kind',
        'CONTRACT_MONTHS_LEFT': 'months_left_band',
        'FEE_STATED': 'fee_band',
        'TENURE': 'tenure_band',
        'PLAN': 'plan_code',
        'ACCOUNT_LINES': 'account_lines',
    }) }}
{%- endmacro %}

{#-
These columns, of a row of `dim_line` on a day, with how many lines its account paid for, if several; `unknown` where
billing has no line.
-#}
{% macro line_trait_columns(line, day, account_lines) -%}
    coalesce({{ line }}.region_code, 'unknown') as region_code,
    coalesce({{ line }}.age_band, 'unknown') as age_band,
    coalesce({{ line }}.contract_kind, 'unknown') as contract_kind,
    coalesce({{ line }}.plan_code, 'unknown') as plan_code,
    {{ tenure_band(days_between(line ~ '.activated_on', day)) }} as tenure_band,
    case
        when {{ line }}.line_key is null then 'unknown'
        when coalesce({{ line }}.contract_end_on < {{ day }}, true) then 'no contract'
        else {{ months_left_band(full_months_between(day, line ~ '.contract_end_on')) }}
    end as months_left_band,
    case
        when {{ line }}.line_key is null then 'unknown'
        when coalesce({{ line }}.etf, 0) = 0 then 'nothing'
        when {{ line }}.etf < 3 * {{ line }}.monthly_fee then 'under 3 monthly fees'
        when {{ line }}.etf < 6 * {{ line }}.monthly_fee then '3 to 6 monthly fees'
        else 'over 6 monthly fees'
    end as fee_band,
    case
        when {{ line }}.account_key is null then 'unknown'
        when {{ account_lines }} = 2 then 'two'
        when {{ account_lines }} > 2 then 'three or more'
        else 'one'
    end as account_lines
{%- endmacro %}

{#- Query for figures of a relation's rows by incident, trait and value, in one pass: a row counts for each trait. -#}
{% macro figures_by_trait(relation, traits, figures) -%}
    select
        incident_id,
        case
            {%- for trait, column in traits.items() %}
                when {{ column }} is not null then '{{ trait }}'
            {%- endfor %}
        end as trait,
        coalesce({{ traits.values() | join(', ') }}) as trait_value
        {%- for name, figure in figures.items() %},
            cast({{ figure }} as bigint) as {{ name }}
        {%- endfor %}
    from {{ relation }}
    group by grouping sets (
        {%- for column in traits.values() %}
            (incident_id, {{ column }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{#- From clause: lines of each incident's group that were there when it began. Reads `incidents` and `providers`. -#}
{% macro from_lines_at_start(lines) -%}
    from incidents
    inner join providers on incidents.provider_group = providers.group_name
    inner join {{ lines }} as lines
        on
            providers.provider = lines.provider
            and lines.status <> 'TERMINATED'
            and {{ valid_at('lines', start_of_day('incidents.starts_on')) }}
{%- endmacro %}
