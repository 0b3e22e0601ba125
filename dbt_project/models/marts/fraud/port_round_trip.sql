with moves as (
    select * from {{ ref('int_port_latest') }}
    where
        is_completed
        and donor_group <> recipient_group
        and {{ in_view(['donor_group', 'recipient_group']) }}
),

-- few numbers move more than once: to sort these alone takes little more than half the time
moved_again as (
    select number_key
    from moves
    group by number_key
    having count(*) > 1
),

ports as (
    select * from moves
    where number_key in (select moved_again.number_key from moved_again)
),

-- each port from both sides: it may have been elsewhere before it comes back
sides as (
    select
        number_key,
        donor_group as provider_group,
        false as is_arrival,
        port_id,
        requested_at,
        processed_on,
        dealer_code
    from ports
    where {{ in_view(['donor_group']) }}
    union all
    select
        number_key,
        recipient_group as provider_group,
        true as is_arrival,
        port_id,
        requested_at,
        processed_on,
        dealer_code
    from ports
    where {{ in_view(['recipient_group']) }}
),

in_turn as (
    select
        *,
        lag(is_arrival) over of_number as was_arrival,
        lag(processed_on) over of_number as left_on
    from sides
    window of_number as (partition by number_key, provider_group order by processed_on, requested_at, port_id)
),

trips as (
    select
        *,
        {{ days_between('left_on', 'processed_on') }} as days_away
    from in_turn
    where
        is_arrival
        and not was_arrival
),

waivers as (
    select * from {{ ref('dim_incident') }}
    where kind = 'WAIVER'
),

-- the number left while its group let everybody go free of charge
free_trips as (
    select distinct
        trips.number_key,
        trips.port_id
    from trips
    inner join waivers
        on
            trips.provider_group = waivers.provider_group
            and trips.left_on >= waivers.starts_on
            and trips.left_on <= waivers.ends_on
),

final as (
    select
        trips.number_key,
        trips.provider_group as group_left,
        count(*) as round_trips,
        count(free_trips.port_id) as waiver_round_trips,
        count(*) >= 2 as is_ping_pong,
        min(trips.left_on) as first_left_on,
        max(trips.processed_on) as last_returned_on,
        min(trips.days_away) as shortest_days_away,
        {{ last_by('trips.dealer_code', '(trips.processed_on, trips.requested_at, trips.port_id)') }}
            as last_dealer_code
    from trips
    left join free_trips on trips.port_id = free_trips.port_id
    group by trips.number_key, trips.provider_group
)

select * from final
