with incidents as (
    select * from {{ ref('dim_incident') }}
),

provider_days as (
    select * from {{ ref('provider_daily') }}
),

destinations as (
    select * from {{ ref('incident_destination') }}
),

daily as (
    select
        incidents.incident_id,
        incidents.provider_group,
        provider_days.date_day as as_of_date,
        provider_days.port_outs,
        provider_days.port_ins,
        provider_days.withdrawn
    from incidents
    inner join provider_days
        on
            incidents.provider_group = provider_days.provider_group
            and provider_days.date_day between incidents.starts_on and incidents.ends_on
),

cumulative as (
    select
        *,
        cast(sum(port_outs) over so_far as bigint) as port_outs_cumulative,
        cast(sum(port_ins) over so_far as bigint) as port_ins_cumulative,
        cast(sum(withdrawn) over so_far as bigint) as withdrawn_cumulative
    from daily
    window so_far as (
        partition by incident_id
        order by as_of_date
        rows between unbounded preceding and current row
    )
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
        cumulative.incident_id,
        cumulative.as_of_date,
        cumulative.provider_group,
        cumulative.port_outs as port_outs_day,
        cumulative.port_outs_cumulative,
        cumulative.withdrawn_cumulative,
        cumulative.port_outs_cumulative - cumulative.withdrawn_cumulative as port_outs_net_of_withdrawn,
        cumulative.port_ins_cumulative,
        cumulative.port_ins_cumulative - cumulative.port_outs_cumulative as net_adds_cumulative,
        coalesce(top.port_outs_to_mno_cumulative, 0) as port_outs_to_mno_cumulative,
        case when top.port_outs_cumulative > 0 then top.destination_group end as top_destination,
        top.share_all_pct as top_share_all_pct,
        top.share_mno_pct as top_share_mno_pct
    from cumulative
    left join ranked as top
        on
            cumulative.incident_id = top.incident_id
            and cumulative.as_of_date = top.as_of_date
            and top.place = 1
)

select * from final
