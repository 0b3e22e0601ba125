with lives as (
    select * from {{ ref('int_breach_life') }}
),

hazards as (
    select * from {{ ref('int_breach_hazard') }}
),

strata as (
    select
        {{ breach_stratum() }},
        line_group,
        max(followed_to) as followed_to,
        sum(lines) as lines,
        sum(case when has_departed then lines else 0 end) as departures
    from lives
    group by {{ breach_stratum() }}, line_group
),

-- how many of a control's kind were concerned: by this mix its rate is comparable
mixed as (
    select
        *,
        sum(case when line_group <> 'CONTROL' then lines end) over (partition by {{ breach_stratum() }})
            as concerned_lines
    from strata
),

grouped as (
    select
        incident_id,
        line_group,
        max(followed_to) as followed_to,
        cast(sum(lines) as bigint) as lines,
        cast(sum(departures) as bigint) as departures,
        100.0 * sum(departures) / sum(lines) as departure_rate_pct,
        100.0 * sum(concerned_lines * departures / lines) / sum(concerned_lines) as standardised_rate_pct
    from mixed
    group by incident_id, line_group
),

final as (
    select
        grouped.incident_id,
        grouped.line_group,
        grouped.followed_to,
        grouped.lines,
        grouped.departures,
        case
            when grouped.line_group = 'CONTROL' then grouped.standardised_rate_pct
            else grouped.departure_rate_pct
        end as departure_rate_pct,
        hazards.hazard_ratio,
        hazards.hazard_ratio_low,
        hazards.hazard_ratio_high
    from grouped
    left join hazards
        on
            grouped.incident_id = hazards.incident_id
            and grouped.line_group = hazards.concerned
)

select * from final
