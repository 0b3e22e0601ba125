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
    select * from {{ ref('int_line_exposure') }}
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
    where
        is_completed
        and not is_same_group
        and line_key is not null
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

line_exposures as (
    select
        exposures.line_key,
        {{ local_date('exposures.seen_from') }} as first_on,
        {{ local_date('exposures.seen_to') }} as last_on
    from exposures
    inner join cells on exposures.cell_id = cells.cell_id
),

-- what became true of a line, and when
events as (
    select
        incidents.incident_id,
        line_exposures.line_key,
        case
            when line_exposures.last_on < incidents.starts_on then 'EXPOSED_BEFORE'
            when line_exposures.first_on <= incidents.ends_on then 'EXPOSED'
            else 'EXPOSED_LATER'
        end as kind,
        line_exposures.first_on as happened_on
    from incidents
    cross join line_exposures
    union all
    -- a victim is one from the verdict on: nobody could have called it so before, least of all if it had left
    select
        incidents.incident_id,
        flagged.party_key as line_key,
        case when flagged.occurred_on <= incidents.ends_on then 'CONFIRMED' else 'VICTIM_LATER' end as kind,
        {{ local_date('verdicts.verdict_at') }} as happened_on
    from incidents
    inner join flagged on incidents.starts_on <= flagged.occurred_on
    inner join verdicts on flagged.payment_id = verdicts.payment_id
    union all
    select
        incidents.incident_id,
        departures.line_key,
        'DEPARTED' as kind,
        departures.processed_on as happened_on
    from incidents
    inner join departures
        on
            incidents.provider_group = departures.donor_group
            and incidents.ends_on < departures.processed_on
    union all
    select
        incidents.incident_id,
        lives.line_key,
        'ENDED' as kind,
        lives.ended_on as happened_on
    from incidents
    inner join lives on incidents.ends_on < lives.ended_on
),

-- few lines have any: the many are joined to these once
courses as (
    select
        incident_id,
        line_key,
        bool_or(kind = 'EXPOSED') as is_exposed,
        bool_or(kind = 'EXPOSED_BEFORE') as was_exposed_before,
        min(happened_on) filter (where kind = 'EXPOSED_LATER') as exposed_later_on,
        min(happened_on) filter (where kind = 'CONFIRMED') as confirmed_on,
        min(happened_on) filter (where kind = 'VICTIM_LATER') as victim_later_on,
        min(happened_on) filter (where kind = 'DEPARTED') as departed_on,
        min(happened_on) filter (where kind = 'ENDED') as ended_on
    from events
    group by incident_id, line_key
),

lines as (
    select
        followed.incident_id,
        followed.stratum,
        coalesce(courses.is_exposed, false) as is_exposed,
        coalesce(courses.was_exposed_before, false) as was_exposed_before,
        {{ days_between('followed.ends_on', 'courses.confirmed_on') }} as confirmed_day,
        {{ days_between('followed.ends_on', 'courses.exposed_later_on') }} as exposed_later_day,
        {{ days_between('followed.ends_on', 'courses.victim_later_on') }} as victim_later_day,
        {{ days_between('followed.ends_on', 'courses.departed_on') }} as departed_day,
        {{ days_between('followed.ends_on', 'courses.ended_on') }} as ended_day,
        {{ days_between('followed.ends_on', 'followed.followed_to') }} as last_day
    from followed
    left join courses
        on
            followed.incident_id = courses.incident_id
            and followed.line_key = courses.line_key
),

final as (
    select
        incident_id,
        stratum,
        is_exposed,
        was_exposed_before,
        confirmed_day,
        exposed_later_day,
        victim_later_day,
        departed_day,
        ended_day,
        last_day,
        count(*) as lines
    from lines
    group by
        incident_id, stratum, is_exposed, was_exposed_before, confirmed_day, exposed_later_day, victim_later_day,
        departed_day, ended_day, last_day
)

select * from final
