with incidents as (
    select * from {{ ref('dim_incident') }}
),

provider_days as (
    select * from {{ ref('provider_daily') }}
),

destinations as (
    select * from {{ ref('incident_destination') }}
),

withdrawals as (
    select
        incident_id,
        counted_on,
        coalesce(sum(ports) filter (where direction = 'OUT'), 0) as port_outs,
        coalesce(sum(ports) filter (where direction = 'IN'), 0) as port_ins
    from {{ ref('int_incident_withdrawal') }}
    group by incident_id, counted_on
),

daily as (
    select
        incidents.incident_id,
        incidents.provider_group,
        provider_days.date_day as as_of_date,
        provider_days.port_outs,
        provider_days.port_ins,
        provider_days.port_outs_withdrawn,
        provider_days.port_ins_withdrawn
    from incidents
    inner join provider_days
        on
            incidents.provider_group = provider_days.provider_group
            and provider_days.date_day between incidents.starts_on and incidents.ends_on
),

cumulative as (
    select
        daily.incident_id,
        daily.as_of_date,
        daily.provider_group,
        daily.port_outs as port_outs_day,
        cast(sum(daily.port_outs) over so_far as bigint) as port_outs_cumulative,
        cast(sum(coalesce(withdrawals.port_outs, 0)) over so_far as bigint) as port_outs_withdrawn_by_as_of,
        cast(sum(daily.port_outs_withdrawn) over so_far as bigint) as port_outs_withdrawn_ever,
        cast(sum(daily.port_ins) over so_far as bigint) as port_ins_cumulative,
        cast(sum(coalesce(withdrawals.port_ins, 0)) over so_far as bigint) as port_ins_withdrawn_by_as_of,
        cast(sum(daily.port_ins_withdrawn) over so_far as bigint) as port_ins_withdrawn_ever
    from daily
    left join withdrawals
        on
            daily.incident_id = withdrawals.incident_id
            and daily.as_of_date = withdrawals.counted_on
    window so_far as (
        partition by daily.incident_id
        order by daily.as_of_date
        rows between unbounded preceding and current row
    )
),

netted as (
    select
        *,
        port_outs_cumulative - port_outs_withdrawn_by_as_of as port_outs_net_of_withdrawn_by_as_of,
        port_outs_cumulative - port_outs_withdrawn_ever as port_outs_net_of_withdrawn_ever,
        port_ins_cumulative - port_ins_withdrawn_by_as_of as port_ins_net_of_withdrawn_by_as_of,
        port_ins_cumulative - port_ins_withdrawn_ever as port_ins_net_of_withdrawn_ever,
        port_ins_cumulative - port_outs_cumulative as net_adds_cumulative
    from cumulative
),

ranked as (
    select
        *,
        row_number() over (
            partition by incident_id, as_of_date
            order by port_outs_cumulative desc, destination_group asc
        ) as place,
        cast(sum(case when is_mno then port_outs_cumulative else 0 end) over (
            partition by incident_id, as_of_date
        ) as bigint) as port_outs_to_mno_cumulative
    from destinations
),

final as (
    select
        netted.incident_id,
        netted.as_of_date,
        netted.provider_group,
        netted.port_outs_day,
        netted.port_outs_cumulative,
        netted.port_outs_withdrawn_by_as_of,
        netted.port_outs_withdrawn_ever,
        netted.port_outs_net_of_withdrawn_by_as_of,
        netted.port_outs_net_of_withdrawn_ever,
        netted.port_ins_cumulative,
        netted.port_ins_withdrawn_by_as_of,
        netted.port_ins_withdrawn_ever,
        netted.port_ins_net_of_withdrawn_by_as_of,
        netted.port_ins_net_of_withdrawn_ever,
        netted.net_adds_cumulative,
        netted.port_ins_net_of_withdrawn_by_as_of - netted.port_outs_net_of_withdrawn_by_as_of
            as net_adds_net_of_withdrawn_by_as_of,
        netted.port_ins_net_of_withdrawn_ever - netted.port_outs_net_of_withdrawn_ever
            as net_adds_net_of_withdrawn_ever,
        coalesce(top.port_outs_to_mno_cumulative, 0) as port_outs_to_mno_cumulative,
        case when top.port_outs_cumulative > 0 then top.destination_group end as top_destination,
        top.share_all_pct as top_share_all_pct,
        top.share_mno_pct as top_share_mno_pct
    from netted
    left join ranked as top
        on
            netted.incident_id = top.incident_id
            and netted.as_of_date = top.as_of_date
            and top.place = 1
)

select * from final
