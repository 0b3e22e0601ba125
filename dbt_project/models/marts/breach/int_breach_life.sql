with incidents as (
    select
        *,
        {{ data_end('portability_events', [ref('fct_port')]) }} as followed_to
    from {{ ref('dim_incident') }}
    where kind = 'BREACH' and is_in_view
),

lines as (
    select * from {{ ref('dim_line') }}
    where status <> 'TERMINATED'
),

providers as (
    select * from {{ ref('dim_provider') }}
),

exposed as (
    select * from {{ ref('exposed_number') }}
),

victims as (
    select * from {{ ref('victim') }}
),

departures as (
    select
        line_key,
        donor_group,
        processed_on
    from {{ ref('fct_port') }}
    where is_completed and not is_same_group
),

lives as (
    select * from {{ ref('int_line_life') }}
),

-- who was there when the incident ended: exposure is fixed when follow-up begins (no immortal-time bias)
followed as (
    select
        incidents.incident_id,
        incidents.provider_group,
        incidents.starts_on,
        incidents.ends_on,
        incidents.followed_to,
        lines.line_key,
        lines.number_key,
        {{ tenure_band(days_between('lines.activated_on', 'incidents.ends_on')) }} as tenure_band,
        lines.plan_code,
        lines.region_code
    from incidents
    inner join lines
        on {{ valid_at('lines', start_of_day('incidents.ends_on + 1')) }}
    inner join providers
        on
            lines.provider = providers.provider
            and incidents.provider_group = providers.group_name
    where incidents.ends_on < incidents.followed_to
),

left_on as (
    select
        followed.incident_id,
        followed.line_key,
        min(departures.processed_on) as departed_on
    from followed
    inner join departures
        on
            followed.line_key = departures.line_key
            and followed.provider_group = departures.donor_group
            and followed.ends_on < departures.processed_on
    group by followed.incident_id, followed.line_key
),

classified as (
    select
        followed.*,
        left_on.departed_on,
        case
            when victims.party_key is not null then 'VICTIM'
            when exposed.number_key is not null then 'EXPOSED'
            else 'CONTROL'
        end as line_group,
        coalesce(
            left_on.departed_on,
            case when lives.ended_on > followed.ends_on then lives.ended_on end,
            followed.followed_to
        ) as last_seen_on
    from followed
    left join victims
        on
            followed.line_key = victims.party_key
            and {{ local_date('victims.first_occurred_at') }} >= followed.starts_on
            and {{ local_date('victims.first_occurred_at') }} <= followed.ends_on
    left join exposed
        on
            followed.number_key = exposed.number_key
            and {{ local_date('exposed.first_exposed_at') }} >= followed.starts_on
            and {{ local_date('exposed.first_exposed_at') }} <= followed.ends_on
    left join left_on
        on
            followed.incident_id = left_on.incident_id
            and followed.line_key = left_on.line_key
    left join lives on followed.line_key = lives.line_key
),

per_life as (
    select
        {{ breach_stratum() }},
        line_group,
        followed_to,
        {{ days_between('ends_on', 'last_seen_on') }} as duration_days,
        departed_on is not null as has_departed,
        count(*) as lines
    from classified
    group by
        {{ breach_stratum() }},
        line_group,
        followed_to,
        {{ days_between('ends_on', 'last_seen_on') }},
        departed_on is not null
),

-- a control is matched: of a tenure, plan and region of which somebody was concerned
final as (
    select * from per_life
    qualify bool_or(line_group <> 'CONTROL') over (partition by {{ breach_stratum() }})
)

select * from final
