-- a withdrawn port took nobody away
with departures as (
    select * from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
        and not is_withdrawn
        and {{ in_view(['donor_group']) }}
),

-- away until the first return; whoever has not come back is still away on the last day that is known
spells as (
    select
        donor_group as group_left,
        recipient_group as destination_group,
        cast(date_trunc('month', processed_on) as date) as month_left,
        processed_on as left_on,
        coalesce(returned_on, {{ data_end('portability_events', [ref('fct_port')]) }}) as until_on,
        returned_on is not null as has_returned
    from departures
),

aged as (
    select
        *,
        {{ full_months_between('left_on', 'until_on') }} as months_since
    from spells
    where left_on <= until_on
),

months as (
    select
        cohorts.group_left,
        cohorts.destination_group,
        cohorts.month_left,
        spine.number as months_since
    from (
        select
            aged.group_left,
            aged.destination_group,
            aged.month_left,
            max(aged.months_since) as last_month
        from aged
        group by aged.group_left, aged.destination_group, aged.month_left
    ) as cohorts
    cross join {{ integers_from_to('0', 'cohorts.last_month', 'spine') }}
),

-- time away by the day, as full months and the days since; every month is there, also one in which nothing happens
counted as (
    select
        group_left,
        destination_group,
        month_left,
        months_since,
        {{ days_between(months_after('left_on', 'months_since'), 'until_on') }} as day_of_month,
        count(*) filter (where has_returned) as returned,
        count(*) as ended
    from aged
    group by group_left, destination_group, month_left, months_since, day_of_month
    union all
    select
        group_left,
        destination_group,
        month_left,
        months_since,
        -1 as day_of_month,
        0 as returned,
        0 as ended
    from months
),

at_risk as (
    select
        *,
        sum(ended) over (partition by group_left, destination_group, month_left) as departures,
        sum(ended) over (
            partition by group_left, destination_group, month_left
            order by months_since desc, day_of_month desc
            rows between unbounded preceding and current row
        ) as at_risk
    from counted
),

-- Kaplan–Meier: of those still away and observed on a day, the share that does not return on it
stepped as (
    select
        *,
        returned > 0 and returned = at_risk as is_last,
        case when at_risk > returned then ln(1e0 - 1e0 * returned / at_risk) else 0 end as log_stays,
        case when at_risk > returned then 1e0 * returned / at_risk / (at_risk - returned) else 0 end as greenwood
    from at_risk
),

curves as (
    select
        *,
        case when bool_or(is_last) over so_far then 0e0 else exp(sum(log_stays) over so_far) end as away,
        sum(greenwood) over so_far as greenwood_sum,
        sum(returned) over so_far as returned_cumulative
    from stepped
    window so_far as (
        partition by group_left, destination_group, month_left
        order by months_since, day_of_month
        rows between unbounded preceding and current row
    )
),

monthly as (
    select
        group_left,
        destination_group,
        month_left,
        months_since,
        max(departures) as departures,
        max(at_risk) as at_risk,
        max(returned_cumulative) as returned_cumulative,
        min(away) as away,
        max(greenwood_sum) as greenwood_sum
    from curves
    group by group_left, destination_group, month_left, months_since
),

-- intervals on the log-log scale stay between 0 and 1
bounded as (
    select
        *,
        {{ interval_z() }} * sqrt(greenwood_sum) / nullif(-ln(nullif(away, 0)), 0) as width
    from monthly
),

final as (
    select
        group_left,
        destination_group,
        month_left,
        months_since,
        cast(departures as bigint) as departures,
        cast(at_risk as bigint) as at_risk,
        cast(returned_cumulative as bigint) as returned_cumulative,
        100 * (1 - away) as return_incidence_pct,
        100 * (1 - coalesce(power(away, exp(-width)), away)) as return_incidence_low_pct,
        100 * (1 - coalesce(power(away, exp(width)), away)) as return_incidence_high_pct
    from bounded
)

select * from final
