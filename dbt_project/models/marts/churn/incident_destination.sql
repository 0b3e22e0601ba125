with incidents as (
    select * from {{ ref('dim_incident') }}
),

provider_days as (
    select * from {{ ref('provider_daily') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

flows as (
    select * from {{ ref('port_flow_daily') }}
    where donor_group <> recipient_group
),

withdrawals as (
    select * from {{ ref('int_incident_withdrawal') }}
    where direction = 'OUT'
),

-- the incident's days, as far as deliveries go
windows as (
    select
        incidents.incident_id,
        incidents.provider_group,
        provider_days.date_day as as_of_date
    from incidents
    inner join provider_days
        on
            incidents.provider_group = provider_days.provider_group
            and provider_days.date_day between incidents.starts_on and incidents.ends_on
),

destinations as (
    select
        flows.donor_group,
        flows.recipient_group as destination_group,
        coalesce(bool_or(providers.kind = 'MNO'), false) as is_mno
    from flows
    left join providers on flows.recipient_group = providers.group_name
    group by flows.donor_group, flows.recipient_group
),

daily as (
    select
        windows.incident_id,
        windows.as_of_date,
        destinations.destination_group,
        destinations.is_mno,
        cast(coalesce(sum(flows.ports), 0) as bigint) as port_outs_day,
        cast(coalesce(sum(flows.withdrawn), 0) as bigint) as withdrawn_ever_day
    from windows
    inner join destinations on windows.provider_group = destinations.donor_group
    left join flows
        on
            windows.as_of_date = flows.processed_on
            and destinations.donor_group = flows.donor_group
            and destinations.destination_group = flows.recipient_group
    group by windows.incident_id, windows.as_of_date, destinations.destination_group, destinations.is_mno
),

cumulative as (
    select
        daily.incident_id,
        daily.as_of_date,
        daily.destination_group,
        daily.is_mno,
        daily.port_outs_day,
        cast(sum(daily.port_outs_day) over so_far as bigint) as port_outs_cumulative,
        cast(sum(coalesce(withdrawals.ports, 0)) over so_far as bigint) as withdrawn_by_as_of,
        cast(sum(daily.withdrawn_ever_day) over so_far as bigint) as withdrawn_ever
    from daily
    left join withdrawals
        on
            daily.incident_id = withdrawals.incident_id
            and daily.destination_group = withdrawals.other_group
            and daily.as_of_date = withdrawals.counted_on
    window so_far as (
        partition by daily.incident_id, daily.destination_group
        order by daily.as_of_date
        rows between unbounded preceding and current row
    )
),

-- two denominators, because the press mixes them: every departure, and moves between network operators
totals as (
    select
        *,
        sum(port_outs_cumulative) over of_day as all_cumulative,
        sum(case when is_mno then port_outs_cumulative else 0 end) over of_day as mno_cumulative
    from cumulative
    window of_day as (partition by incident_id, as_of_date)
),

final as (
    select
        incident_id,
        as_of_date,
        destination_group,
        is_mno,
        port_outs_day,
        port_outs_cumulative,
        withdrawn_by_as_of,
        withdrawn_ever,
        100e0 * port_outs_cumulative / nullif(all_cumulative, 0) as share_all_pct,
        case when is_mno then 100e0 * port_outs_cumulative / nullif(mno_cumulative, 0) end as share_mno_pct
    from totals
)

select * from final
