with lines as (
    select
        *,
        least(coalesce(departed_day, ended_day, last_day), last_day) as last_seen_day,
        case
            when departed_day <= last_day then 'DEPARTED'
            when departed_day is null and ended_day <= last_day then 'ENDED'
            else 'STILL_HERE'
        end as last_seen_as
    from {{ ref('int_breach_follow_up') }}
),

-- a line goes from one group to the next as things become true of it
spells as (
    select
        *,
        'CONTROL' as line_group,
        0 as from_day,
        least(confirmed_day, exposed_later_day, victim_later_day) as until_day
    from lines
    where not is_exposed and not was_exposed_before
    union all
    select
        *,
        'EXPOSED' as line_group,
        0 as from_day,
        least(confirmed_day, victim_later_day) as until_day
    from lines
    where is_exposed
    union all
    select
        *,
        'VICTIM' as line_group,
        greatest(confirmed_day, 0) as from_day,
        last_day as until_day
    from lines
    where confirmed_day is not null
),

ended as (
    select
        incident_id,
        stratum,
        line_group,
        from_day,
        least(last_seen_day, until_day) as to_day,
        case when last_seen_day <= coalesce(until_day, last_seen_day) then last_seen_as else 'CHANGED' end as ending,
        lines
    from spells
),

per_life as (
    select
        incident_id,
        stratum,
        line_group,
        from_day,
        to_day,
        ending,
        cast(sum(lines) as bigint) as lines
    from ended
    where from_day < to_day
    group by incident_id, stratum, line_group, from_day, to_day, ending
),

-- a control is matched: of a kind of which somebody was concerned
final as (
    select * from per_life
    qualify bool_or(line_group <> 'CONTROL') over (partition by incident_id, stratum)
)

select * from final
