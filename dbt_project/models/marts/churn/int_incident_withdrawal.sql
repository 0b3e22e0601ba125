with incidents as (
    select * from {{ ref('dim_incident') }}
),

withdrawn as (
    select * from {{ ref('int_port_latest') }}
    where
        is_completed
        and is_withdrawn
        and donor_group <> recipient_group
),

moves as (
    select
        'OUT' as direction,
        donor_group as provider_group,
        recipient_group as other_group,
        processed_on,
        withdrawn_on
    from withdrawn
    union all
    select
        'IN' as direction,
        recipient_group as provider_group,
        donor_group as other_group,
        processed_on,
        withdrawn_on
    from withdrawn
),

-- booked under a day after the one on which it was withdrawn, a port is both from that later day on
final as (
    select
        incidents.incident_id,
        moves.direction,
        moves.other_group,
        greatest(moves.processed_on, moves.withdrawn_on) as counted_on,
        count(*) as ports
    from incidents
    inner join moves
        on
            incidents.provider_group = moves.provider_group
            and moves.processed_on between incidents.starts_on and incidents.ends_on
    group by
        incidents.incident_id,
        moves.direction,
        moves.other_group,
        greatest(moves.processed_on, moves.withdrawn_on)
)

select * from final
