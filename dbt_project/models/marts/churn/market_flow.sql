with flows as (
    select * from {{ ref('port_flow_daily') }}
    where donor_group <> recipient_group
),

monthly as (
    select
        cast(date_trunc('month', processed_on) as date) as month,
        donor_group,
        recipient_group,
        sum(ports) as ports,
        sum(withdrawn) as withdrawn
    from flows
    group by cast(date_trunc('month', processed_on) as date), donor_group, recipient_group
),

final as (
    select
        there.month,
        there.donor_group,
        there.recipient_group,
        cast(there.ports as bigint) as ports,
        cast(there.withdrawn as bigint) as withdrawn,
        cast(there.ports - coalesce(back.ports, 0) as bigint) as net_ports,
        case
            when {{ in_view(['there.donor_group']) }}
                then 100e0 * there.ports / sum(there.ports) over (partition by there.month, there.donor_group)
        end as share_of_departures_pct,
        case
            when {{ in_view(['there.recipient_group']) }}
                then 100e0 * there.ports / sum(there.ports) over (partition by there.month, there.recipient_group)
        end as share_of_arrivals_pct
    from monthly as there
    left join monthly as back
        on
            there.month = back.month
            and there.donor_group = back.recipient_group
            and there.recipient_group = back.donor_group
)

select * from final
