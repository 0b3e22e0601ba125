{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='incident_id',
) }}

{%- set touched = ref('int_trait_at_risk__touched') %}
{#- Read twice: a CTE that two others read is held in memory, with every line of the carrier. -#}
{%- set from_lines_here = from_lines_at_start(ref('dim_line')) %}

with incidents as (
    select * from {{ ref('dim_incident') }}
    where
        is_in_view
        and {{ is_touched('incident_id', touched) }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

-- lines that one account paid for when the incident began, where these are several
accounts as (
    select
        incidents.incident_id,
        lines.account_key,
        count(*) as lines
    {{ from_lines_here }}
    where lines.account_key is not null
    group by incidents.incident_id, lines.account_key
    having count(*) > 1
),

here as (
    select
        incidents.incident_id,
        incidents.starts_on,
        lines.*
    {{ from_lines_here }}
),

described as (
    select
        here.incident_id,
        {{ line_trait_columns('here', 'here.starts_on', 'accounts.lines') }}
    from here
    left join accounts
        on
            here.incident_id = accounts.incident_id
            and here.account_key = accounts.account_key
),

final as (
    {{ figures_by_trait('described', line_traits(), {'lines_at_risk': 'count(*)'}) }}
)

select * from final
