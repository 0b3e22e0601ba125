{#- A trait's name, and the column that holds its value; `unknown` where billing has no line. -#}
{%- set traits = {
    'REGION': 'region_code',
    'AGE_BAND': 'age_band',
    'CONTRACT_KIND': 'contract_kind',
    'CONTRACT_MONTHS_LEFT': 'months_left_band',
    'FEE_STATED': 'fee_band',
    'TENURE': 'tenure_band',
    'PLAN': 'plan_code',
    'EXPOSED': 'exposure',
    'ACCOUNT_LINES': 'account_lines',
} -%}
{%- set of_a_line = [
    'lines.line_key', 'lines.number_key', 'lines.account_key', 'lines.region_code', 'lines.age_band',
    'lines.contract_kind', 'lines.contract_end_on', 'lines.plan_code', 'lines.activated_on', 'lines.etf',
    'lines.monthly_fee',
] -%}
{#- Read twice: a CTE that two others read is held in memory, with every line of the carrier. -#}
{%- set from_lines_here -%}
    from incidents
    inner join providers on incidents.provider_group = providers.group_name
    inner join {{ ref('dim_line') }} as lines
        on
            providers.provider = lines.provider
            and lines.status <> 'TERMINATED'
            and {{ valid_at('lines', start_of_day('incidents.starts_on')) }}
{%- endset %}

with incidents as (
    select * from {{ ref('dim_incident') }}
    where is_in_view
),

departures as (
    select * from {{ ref('port_incident') }}
    where
        direction = 'OUT'
        and is_processed_in_window
),

providers as (
    select * from {{ ref('dim_provider') }}
),

exposed as (
    select
        number_key,
        {{ local_date('min(seen_from)') }} as exposed_on
    from {{ ref('int_exposure') }}
    group by number_key
),

-- each departure with the line as it was when the port was asked for: the last change until the end of that day
left_lines as (
    select
        departures.incident_id,
        departures.requested_on as judged_on,
        {{ of_a_line | join(', ') }}
    from departures
    left join {{ ref('dim_line') }} as lines
        on
            departures.line_key = lines.line_key
            and departures.number_key = lines.number_key
            and lines.status <> 'TERMINATED'
            and {{ local_date('lines.valid_from') }} <= departures.requested_on
    qualify
        row_number() over (
            partition by departures.incident_id, departures.port_id order by lines.valid_from desc nulls last
        ) = 1
),

-- and each line that was there when the incident began
here as (
    select
        incidents.incident_id,
        incidents.starts_on as judged_on,
        {{ of_a_line | join(', ') }}
    {{ from_lines_here }}
),

-- lines that one account paid for then, where these are several
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

units as (
    select
        *,
        true as is_departure
    from left_lines
    union all
    select
        *,
        false as is_departure
    from here
),

described as (
    select
        units.incident_id,
        units.is_departure,
        units.line_key is not null as has_line,
        units.monthly_fee,
        coalesce(units.region_code, 'unknown') as region_code,
        coalesce(units.age_band, 'unknown') as age_band,
        coalesce(units.contract_kind, 'unknown') as contract_kind,
        coalesce(units.plan_code, 'unknown') as plan_code,
        {{ tenure_band(days_between('units.activated_on', 'units.judged_on')) }} as tenure_band,
        case
            when units.line_key is null then 'unknown'
            when coalesce(units.contract_end_on < units.judged_on, true) then 'no contract'
            else {{ months_left_band(full_months_between('units.judged_on', 'units.contract_end_on')) }}
        end as months_left_band,
        case
            when units.line_key is null then 'unknown'
            when coalesce(units.etf, 0) = 0 then 'nothing'
            when units.etf < 3 * units.monthly_fee then 'under 3 monthly fees'
            when units.etf < 6 * units.monthly_fee then '3 to 6 monthly fees'
            else 'over 6 monthly fees'
        end as fee_band,
        case
            when units.line_key is null then 'unknown'
            when exposed.exposed_on <= units.judged_on then 'exposed'
            else 'not exposed'
        end as exposure,
        case
            when units.account_key is null then 'unknown'
            when accounts.lines = 2 then 'two'
            when accounts.lines > 2 then 'three or more'
            else 'one'
        end as account_lines
    from units
    left join accounts
        on
            units.incident_id = accounts.incident_id
            and units.account_key = accounts.account_key
    left join exposed on units.number_key = exposed.number_key
),

-- one pass: a unit counts once for each trait
counted as (
    select
        incident_id,
        {%- for column in traits.values() %}
            {{ column }},
        {%- endfor %}
        count(*) filter (where is_departure) as departures,
        count(*) filter (where is_departure and has_line) as departures_with_line,
        sum(monthly_fee) filter (where is_departure) as monthly_fee_sum,
        count(*) filter (where not is_departure) as lines_at_risk
    from described
    group by grouping sets (
        {%- for column in traits.values() %}
            (incident_id, {{ column }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
),

final as (
    select
        incident_id,
        case
            {%- for trait, column in traits.items() %}
                when {{ column }} is not null then '{{ trait }}'
            {%- endfor %}
        end as trait,
        coalesce({{ traits.values() | join(', ') }}) as trait_value,
        cast(departures as bigint) as departures,
        cast(departures_with_line as bigint) as departures_with_line,
        cast(coalesce(monthly_fee_sum, 0) as bigint) as monthly_fee_sum,
        cast(lines_at_risk as bigint) as lines_at_risk,
        1000e0 * departures_with_line / nullif(lines_at_risk, 0) as departures_per_thousand_lines
    from counted
)

select * from final
