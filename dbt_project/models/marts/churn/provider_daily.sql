with flows as (
    select * from {{ ref('port_flow_daily') }}
),

days as (
    select * from {{ ref('dim_date') }}
),

moves as (
    select
        processed_on as date_day,
        recipient_group as provider_group,
        ports as port_ins,
        0 as port_outs,
        withdrawn as port_ins_withdrawn,
        0 as port_outs_withdrawn
    from flows
    where donor_group <> recipient_group
    union all
    select
        processed_on as date_day,
        donor_group as provider_group,
        0 as port_ins,
        ports as port_outs,
        0 as port_ins_withdrawn,
        withdrawn as port_outs_withdrawn
    from flows
    where donor_group <> recipient_group
),

-- every day that the deliveries cover, also those on which nothing is booked
span as (
    select
        min(processed_on) as from_day,
        greatest(max(processed_on), {{ data_end('portability_events', [ref('port_flow_daily')]) }}) as to_day
    from flows
),

groups as (
    select distinct provider_group
    from moves
    where {{ in_view(['provider_group']) }}
),

daily as (
    select
        days.date_day,
        groups.provider_group,
        days.is_processing_day,
        days.processing_day_index,
        cast(coalesce(sum(moves.port_ins), 0) as bigint) as port_ins,
        cast(coalesce(sum(moves.port_outs), 0) as bigint) as port_outs,
        cast(coalesce(sum(moves.port_ins_withdrawn), 0) as bigint) as port_ins_withdrawn,
        cast(coalesce(sum(moves.port_outs_withdrawn), 0) as bigint) as port_outs_withdrawn
    from days
    inner join span on days.date_day between span.from_day and span.to_day
    cross join groups
    left join moves
        on
            days.date_day = moves.date_day
            and groups.provider_group = moves.provider_group
    group by days.date_day, groups.provider_group, days.is_processing_day, days.processing_day_index
),

-- the seven latest processing days up to this one; on a day without processing, those before it
rolling as (
    select
        *,
        sum(case when is_processing_day then 1 else 0 end) over seven_days as days_in_mean,
        sum(case when is_processing_day then port_ins else 0 end) over seven_days as port_ins_7,
        sum(case when is_processing_day then port_outs else 0 end) over seven_days as port_outs_7
    from daily
    window seven_days as (
        partition by provider_group
        order by processing_day_index
        range between 6 preceding and current row
    )
),

final as (
    select
        date_day,
        provider_group,
        is_processing_day,
        port_ins,
        port_outs,
        port_ins_withdrawn,
        port_outs_withdrawn,
        port_ins - port_ins_withdrawn as port_ins_net_of_withdrawn,
        port_outs - port_outs_withdrawn as port_outs_net_of_withdrawn,
        port_ins - port_outs as net_adds,
        case when days_in_mean = 7 then port_ins_7 / 7e0 end as port_ins_mean_7,
        case when days_in_mean = 7 then port_outs_7 / 7e0 end as port_outs_mean_7,
        case when days_in_mean = 7 then (port_ins_7 - port_outs_7) / 7e0 end as net_adds_mean_7
    from rolling
)

select * from final
