with incidents as (
    select * from {{ ref('dim_incident') }}
    where kind = 'BREACH' and is_in_view
),

periods as (
    select
        incident_id,
        period_ends_on as followed_to
    from {{ ref('int_breach_period') }}
    where period = 'ALL'
),

providers as (
    select * from {{ ref('dim_provider') }}
),

cells as (
    select * from {{ ref('unregistered_cell') }}
    where disposition <> 'CLEARED'
),

exposures as (
    select * from {{ ref('int_exposure') }}
),

flagged as (
    select * from {{ ref('int_flagged_payment') }}
    where is_confirmed
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
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

-- who was there when the incident ended
followed as (
    select
        incidents.incident_id,
        incidents.ends_on,
        periods.followed_to,
        lines.line_key,
        {{ breach_stratum('lines', 'incidents.ends_on') }} as stratum
    from incidents
    inner join periods on incidents.incident_id = periods.incident_id
    inner join {{ ref('dim_line') }} as lines
        on
            {{ valid_at('lines', start_of_day('incidents.ends_on + 1')) }}
            and lines.status <> 'TERMINATED'
    inner join providers
        on
            lines.provider = providers.provider
            and incidents.provider_group = providers.group_name
),

-- the line that carried the number then: numbers are given to others
line_exposures as (
    select
        lines.line_key,
        {{ local_date('exposures.seen_from') }} as first_on,
        {{ local_date('exposures.seen_to') }} as last_on
    from exposures
    inner join cells on exposures.cell_id = cells.cell_id
    inner join {{ ref('dim_line') }} as lines
        on
            exposures.number_key = lines.number_key
            and {{ valid_at('lines', 'exposures.seen_from') }}
            and lines.status <> 'TERMINATED'
),

exposed as (
    select
        incidents.incident_id,
        line_exposures.line_key,
        bool_or(
            line_exposures.first_on <= incidents.ends_on and line_exposures.last_on >= incidents.starts_on
        ) as is_exposed,
        bool_or(line_exposures.last_on < incidents.starts_on) as was_exposed_before,
        min(line_exposures.first_on) filter (where line_exposures.first_on > incidents.ends_on) as exposed_later_on
    from incidents
    cross join line_exposures
    group by incidents.incident_id, line_exposures.line_key
),

-- a victim is one from the verdict on: nobody could have called it so before, least of all if it had left
confirmed as (
    select
        incidents.incident_id,
        flagged.party_key as line_key,
        min({{ local_date('verdicts.verdict_at') }}) filter (
            where flagged.occurred_on <= incidents.ends_on
        ) as confirmed_on,
        min({{ local_date('verdicts.verdict_at') }}) filter (
            where flagged.occurred_on > incidents.ends_on
        ) as victim_later_on
    from incidents
    inner join flagged on incidents.starts_on <= flagged.occurred_on
    inner join verdicts on flagged.payment_id = verdicts.payment_id
    group by incidents.incident_id, flagged.party_key
),

left_on as (
    select
        incidents.incident_id,
        departures.line_key,
        min(departures.processed_on) as departed_on
    from incidents
    inner join departures
        on
            incidents.provider_group = departures.donor_group
            and incidents.ends_on < departures.processed_on
    where departures.line_key is not null
    group by incidents.incident_id, departures.line_key
),

final as (
    select
        followed.incident_id,
        followed.line_key,
        followed.stratum,
        coalesce(exposed.is_exposed, false) as is_exposed,
        coalesce(exposed.was_exposed_before, false) as was_exposed_before,
        {{ days_between('followed.ends_on', 'confirmed.confirmed_on') }} as confirmed_day,
        {{ days_between('followed.ends_on', 'exposed.exposed_later_on') }} as exposed_later_day,
        {{ days_between('followed.ends_on', 'confirmed.victim_later_on') }} as victim_later_day,
        {{ days_between('followed.ends_on', 'left_on.departed_on') }} as departed_day,
        case
            when lives.ended_on > followed.ends_on then {{ days_between('followed.ends_on', 'lives.ended_on') }}
        end as ended_day,
        {{ days_between('followed.ends_on', 'followed.followed_to') }} as last_day
    from followed
    left join exposed
        on
            followed.incident_id = exposed.incident_id
            and followed.line_key = exposed.line_key
    left join confirmed
        on
            followed.incident_id = confirmed.incident_id
            and followed.line_key = confirmed.line_key
    left join left_on
        on
            followed.incident_id = left_on.incident_id
            and followed.line_key = left_on.line_key
    left join lives on followed.line_key = lives.line_key
)

select * from final
