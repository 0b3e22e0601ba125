with incidents as (
    select * from {{ ref('dim_incident') }}
    where is_in_view
),

breaches as (
    select
        *,
        {{ data_end('portability_events', [ref('fct_port')]) }} as followed_to
    from incidents
    where kind = 'BREACH'
),

-- the first waiver of the group since
waivers as (
    select
        breaches.incident_id,
        incidents.starts_on,
        incidents.ends_on
    from breaches
    inner join incidents
        on
            breaches.provider_group = incidents.provider_group
            and breaches.ends_on < incidents.starts_on
            and incidents.kind = 'WAIVER'
    qualify row_number() over (
            partition by breaches.incident_id order by incidents.starts_on, incidents.incident_id
        ) = 1
),

bounds as (
    select
        breaches.incident_id,
        breaches.ends_on,
        breaches.followed_to,
        waivers.starts_on as waiver_starts_on,
        waivers.ends_on as waiver_ends_on
    from breaches
    left join waivers on breaches.incident_id = waivers.incident_id
    where breaches.ends_on < breaches.followed_to
),

periods as (
    select
        incident_id,
        ends_on,
        followed_to,
        'ALL' as period,
        ends_on + 1 as starts_on,
        followed_to as last_on
    from bounds
    union all
    select
        incident_id,
        ends_on,
        followed_to,
        'BEFORE_WAIVER' as period,
        ends_on + 1 as starts_on,
        waiver_starts_on - 1 as last_on
    from bounds
    union all
    select
        incident_id,
        ends_on,
        followed_to,
        'DURING_WAIVER' as period,
        waiver_starts_on as starts_on,
        waiver_ends_on as last_on
    from bounds
    union all
    select
        incident_id,
        ends_on,
        followed_to,
        'AFTER_WAIVER' as period,
        waiver_ends_on + 1 as starts_on,
        followed_to as last_on
    from bounds
),

-- in days since the incident ended: later than `from_day`, up to `to_day`
final as (
    select
        incident_id,
        period,
        starts_on as period_starts_on,
        least(last_on, followed_to) as period_ends_on,
        {{ days_between('ends_on', 'starts_on') }} - 1 as from_day,
        {{ days_between('ends_on', 'least(last_on, followed_to)') }} as to_day
    from periods
    where
        last_on is not null
        and starts_on <= least(last_on, followed_to)
)

select * from final
