with scores as (
    select * from {{ ref('int_propensity_score') }}
    where is_today
),

past as (
    select * from {{ ref('int_propensity_line') }}
    where
        is_over
        and left_on is not null
),

waivers as (
    select * from {{ ref('int_waiver') }}
),

nowcasts as (
    select * from {{ ref('incident_nowcast') }}
    where target = 'PORT_OUTS_FINAL'
),

coverage as (
    select * from {{ ref('port_coverage_daily') }}
),

-- where those went who were alike in age and origin; of too few, where all went
destinations as (
    select
        age_band,
        came_from,
        left_for,
        count(*) as departures,
        sum(count(*)) over (partition by age_band, came_from) as departures_alike,
        sum(count(*)) over (partition by left_for) as departures_there
    from past
    group by age_band, came_from, left_for
),

preferred as (
    select
        age_band,
        came_from,
        {{ last_by(
            'left_for', '(case when departures_alike >= 30 then departures else departures_there end, left_for)'
        ) }} as likely_destination
    from destinations
    group by age_band, came_from
),

anywhere as (
    select
        {{ last_by('left_for', '(departures_there, left_for)') }} as likely_destination
    from destinations
),

-- departures still to come before an open window closes, of lines that billing has
latest as (
    select
        waivers.incident_id,
        waivers.provider_group,
        waivers.starts_on,
        waivers.ends_on,
        {{ last_by('nowcasts.estimate - nowcasts.known', 'nowcasts.as_of_date') }} as remaining
    from waivers
    inner join nowcasts on waivers.incident_id = nowcasts.incident_id
    group by waivers.incident_id, waivers.provider_group, waivers.starts_on, waivers.ends_on
),

expected as (
    select
        latest.incident_id,
        latest.provider_group,
        latest.starts_on,
        latest.ends_on,
        latest.remaining * 1e0 * sum(coverage.port_outs_with_line) / sum(coverage.port_outs) as departures
    from latest
    inner join coverage
        on
            latest.provider_group = coverage.donor_group
            and coverage.processed_on between latest.starts_on and latest.ends_on
    group by latest.incident_id, latest.provider_group, latest.starts_on, latest.ends_on, latest.remaining
),

open_now as (
    select
        expected.incident_id,
        expected.provider_group,
        expected.starts_on,
        expected.departures / sum(scores.probability) as times_as_likely
    from expected
    inner join scores
        on
            expected.provider_group = scores.provider_group
            and scores.snapshot_on between expected.starts_on and expected.ends_on
    group by expected.incident_id, expected.provider_group, expected.starts_on, expected.departures
),

-- of a group's windows that are open at once, the one that began last
open_windows as (
    select
        provider_group,
        {{ last_by('times_as_likely', '(starts_on, incident_id)') }} as times_as_likely
    from open_now
    group by provider_group
),

final as (
    select
        scores.line_key,
        scores.number_key,
        scores.snapshot_on as scored_on,
        scores.trained_for,
        scores.monthly_fee,
        scores.probability,
        1e0 - exp(-scores.probability * open_windows.times_as_likely) as probability_in_window,
        cast(ntile(10) over (order by scores.probability desc, scores.line_key asc) as bigint) as decile,
        coalesce(preferred.likely_destination, anywhere.likely_destination) as likely_destination
    from scores
    left join preferred
        on
            scores.age_band = preferred.age_band
            and scores.came_from = preferred.came_from
    left join anywhere on true
    left join open_windows on scores.provider_group = open_windows.provider_group
)

select * from final
