with headlines as (
    select * from {{ ref('incident_headline') }}
),

ports as (
    select * from {{ ref('port_incident') }}
    where
        direction = 'OUT'
        and is_processed_in_window
),

waivers as (
    select
        *,
        {{ start_of_day('starts_on') }} as starts_at,
        {{ start_of_day('ends_on + 1') }} as ended_at
    from {{ ref('int_waiver') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

lines as (
    select * from {{ ref('dim_line') }}
    where status <> 'TERMINATED'
),

lost as (
    select
        incident_id,
        processed_on as date_day,
        count(line_key) as departures_with_line,
        sum(monthly_fee) as monthly_fee_sum
    from ports
    group by incident_id, processed_on
),

-- lines that no rule of the waiver excludes, with the days on which they came and went
eligible as (
    select
        waivers.incident_id,
        waivers.starts_on,
        waivers.starts_at,
        waivers.ended_at,
        lines.valid_from,
        lines.valid_to,
        lines.monthly_fee
    from waivers
    inner join providers on waivers.provider_group = providers.group_name
    inner join lines on providers.provider = lines.provider
    where
        lines.activated_on < waivers.eligibility_from
        and coalesce(lines.contract_start_on < waivers.eligibility_from, true)
        and lines.line_type <> 'IOT'
),

changes as (
    select
        incident_id,
        case when valid_from < starts_at then starts_on else {{ local_date('valid_from') }} end as date_day,
        1 as lines,
        monthly_fee
    from eligible
    where valid_from < ended_at
    union all
    select
        incident_id,
        case when valid_to < starts_at then starts_on else {{ local_date('valid_to') }} end as date_day,
        -1 as lines,
        -monthly_fee as monthly_fee
    from eligible
    where valid_to < ended_at
),

change_days as (
    select
        incident_id,
        date_day,
        sum(lines) as lines,
        sum(monthly_fee) as monthly_fee_sum
    from changes
    group by incident_id, date_day
),

-- as it stood at the end of each day that the headline has
here as (
    select
        headlines.incident_id,
        headlines.as_of_date,
        sum(change_days.lines) as lines,
        sum(change_days.monthly_fee_sum) as monthly_fee_sum
    from headlines
    inner join change_days
        on
            headlines.incident_id = change_days.incident_id
            and headlines.as_of_date >= change_days.date_day
    group by headlines.incident_id, headlines.as_of_date
),

final as (
    select
        headlines.incident_id,
        headlines.as_of_date,
        headlines.port_outs_cumulative as departures,
        cast(coalesce(sum(lost.departures_with_line) over so_far, 0) as bigint) as departures_with_line,
        100e0 * coalesce(sum(lost.departures_with_line) over so_far, 0) / nullif(headlines.port_outs_cumulative, 0)
            as line_coverage_pct,
        cast(coalesce(sum(lost.monthly_fee_sum) over so_far, 0) as bigint) as monthly_fee_sum,
        cast(here.lines as bigint) as eligible_lines,
        cast(here.monthly_fee_sum as bigint) as eligible_monthly_fee_sum
    from headlines
    left join lost
        on
            headlines.incident_id = lost.incident_id
            and headlines.as_of_date = lost.date_day
    left join here
        on
            headlines.incident_id = here.incident_id
            and headlines.as_of_date = here.as_of_date
    window so_far as (
        partition by headlines.incident_id
        order by headlines.as_of_date
        rows between unbounded preceding and current row
    )
)

select * from final
