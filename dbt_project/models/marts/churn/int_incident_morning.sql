with incidents as (
    select * from {{ ref('dim_incident') }}
),

provider_days as (
    select * from {{ ref('provider_daily') }}
),

final as (
    select
        incidents.incident_id,
        incidents.provider_group,
        incidents.starts_on,
        provider_days.date_day as as_of_date
    from incidents
    inner join provider_days
        on
            incidents.provider_group = provider_days.provider_group
            and provider_days.date_day between incidents.starts_on and incidents.ends_on
    -- a day to come has those ports alone that are booked under it already
    where provider_days.date_day <= {{ data_end('portability_events', [ref('port_flow_daily')]) }}
)

select * from final
