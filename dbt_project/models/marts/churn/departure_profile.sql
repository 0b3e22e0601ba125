{%- set traits = line_traits() -%}
{%- set figures = {
    'departures': 'count(*)',
    'departures_with_line': 'count(line_key)',
    'monthly_fee_sum': 'coalesce(sum(monthly_fee), 0)',
} -%}

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

at_risk as (
    select * from {{ ref('int_trait_at_risk') }}
),

first_exposures as (
    select
        line_key,
        {{ local_date('min(seen_from)') }} as exposed_on
    from {{ ref('int_line_exposure') }}
    group by line_key
),

-- on both sides of the rate, by the incident's first day: exposed later, nobody is among the lines at risk
exposed as (
    select
        incidents.incident_id,
        first_exposures.line_key
    from incidents
    inner join first_exposures on incidents.starts_on >= first_exposures.exposed_on
),

-- each departure with the line as it was when the port was asked for: the last change until the end of that day
left_lines as (
    select
        departures.incident_id,
        departures.requested_on,
        lines.*
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

-- lines that the account of one that left paid for when the incident began
beside_them as (
    select * from {{ ref('dim_line') }}
    where account_key in (select left_lines.account_key from left_lines)
),

accounts as (
    select
        incidents.incident_id,
        lines.account_key,
        count(*) as lines
    {{ from_lines_at_start('beside_them') }}
    group by incidents.incident_id, lines.account_key
),

described as (
    select
        left_lines.incident_id,
        left_lines.line_key,
        left_lines.monthly_fee,
        {{ line_trait_columns('left_lines', 'left_lines.requested_on', 'accounts.lines') }},
        case
            when left_lines.line_key is null then 'unknown'
            when exposed.line_key is not null then 'exposed'
            else 'not exposed'
        end as exposure
    from left_lines
    left join accounts
        on
            left_lines.incident_id = accounts.incident_id
            and left_lines.account_key = accounts.account_key
    left join exposed
        on
            left_lines.incident_id = exposed.incident_id
            and left_lines.line_key = exposed.line_key
),

left_by_trait as (
    {{ figures_by_trait('described', dict(traits, EXPOSED='exposure'), figures) }}
),

-- who had been exposed when the incident began, and all others of the same lines
exposed_at_risk as (
    select
        incidents.incident_id,
        count(*) as lines
    {{ from_lines_at_start(ref('dim_line')) }}
    inner join exposed
        on
            lines.line_key = exposed.line_key
            and incidents.incident_id = exposed.incident_id
    group by incidents.incident_id
),

totals as (
    select
        incident_id,
        sum(lines_at_risk) as lines
    from at_risk
    where trait = 'PLAN'
    group by incident_id
),

risks as (
    select
        incident_id,
        trait,
        trait_value,
        lines_at_risk
    from at_risk
    union all
    select
        incident_id,
        'EXPOSED' as trait,
        'exposed' as trait_value,
        lines as lines_at_risk
    from exposed_at_risk
    union all
    select
        totals.incident_id,
        'EXPOSED' as trait,
        'not exposed' as trait_value,
        totals.lines - coalesce(exposed_at_risk.lines, 0) as lines_at_risk
    from totals
    left join exposed_at_risk on totals.incident_id = exposed_at_risk.incident_id
    where totals.lines > coalesce(exposed_at_risk.lines, 0)
),

final as (
    select
        coalesce(risks.incident_id, left_by_trait.incident_id) as incident_id,
        coalesce(risks.trait, left_by_trait.trait) as trait,
        coalesce(risks.trait_value, left_by_trait.trait_value) as trait_value,
        coalesce(left_by_trait.departures, 0) as departures,
        coalesce(left_by_trait.departures_with_line, 0) as departures_with_line,
        coalesce(left_by_trait.monthly_fee_sum, 0) as monthly_fee_sum,
        cast(coalesce(risks.lines_at_risk, 0) as bigint) as lines_at_risk,
        1000e0 * coalesce(left_by_trait.departures_with_line, 0) / nullif(risks.lines_at_risk, 0)
            as departures_per_thousand_lines
    from left_by_trait
    full join risks
        on
            left_by_trait.incident_id = risks.incident_id
            and left_by_trait.trait = risks.trait
            and left_by_trait.trait_value = risks.trait_value
)

select * from final
