{%- set look_back_days = 30 -%}
-- requests to leave that the log held at the end of each day of a window, and the share of such requests that complete
with incidents as (
    select
        *,
        {{ start_of_day('starts_on - ' ~ look_back_days) }} as requested_from,
        {{ start_of_day('ends_on + 1') }} as requested_before
    from {{ ref('dim_incident') }}
),

mornings as (
    select * from {{ ref('int_incident_morning') }}
),

-- from one day to the next a request waits; it is booked, rejected or cancelled on the day that ends the waiting
requests as (
    select
        incidents.incident_id,
        ports.first_dt,
        {{ local_date('ports.requested_at') }} as requested_on,
        ports.is_completed,
        coalesce(
            ports.processed_on,
            case when ports.status in ('REJECTED', 'CANCELLED') then {{ local_date('ports.status_at') }} end
        ) as ended_on,
        cast(count(*) as bigint) as ports
    from incidents
    inner join {{ ref('int_port_latest') }} as ports
        on
            incidents.provider_group = ports.donor_group
            and ports.donor_group <> ports.recipient_group
            and incidents.requested_from <= ports.requested_at
            and incidents.requested_before > ports.requested_at
    group by
        incidents.incident_id, ports.first_dt, requested_on, ports.is_completed, ended_on
),

final as (
    select
        mornings.incident_id,
        mornings.as_of_date,
        cast(coalesce(sum(requests.ports) filter (
            where requests.ended_on is null or requests.ended_on > mornings.as_of_date
        ), 0) as bigint) as open_requests,
        -- of what had ended by then
        sum(requests.ports) filter (where requests.ended_on <= mornings.as_of_date and requests.is_completed)
        * 1e0
        / nullif(sum(requests.ports) filter (where requests.ended_on <= mornings.as_of_date), 0) as completing_share
    from mornings
    left join requests
        on
            mornings.incident_id = requests.incident_id
            and mornings.as_of_date >= requests.first_dt
            and mornings.as_of_date >= requests.requested_on
    group by mornings.incident_id, mornings.as_of_date
)

select * from final
