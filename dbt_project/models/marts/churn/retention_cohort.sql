with lives as (
    select * from {{ ref('int_line_life') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

coverage as (
    select
        cast(date_trunc('month', processed_on) as date) as month,
        donor_group,
        100e0 * sum(port_outs_with_line) / sum(port_outs) as line_coverage_pct
    from {{ ref('port_coverage_daily') }}
    group by cast(date_trunc('month', processed_on) as date), donor_group
),

-- a line that began before the first delivery was told of because it was still there then: counting its earlier days
-- would count days on which it could not leave
observed as (
    select
        *,
        greatest(
            activated_on, observed_from_on, {{ data_start('subscriptions', [ref('int_line_life')]) }}
        ) as entered_on
    from lives
    where coalesce(ended_on >= {{ data_start('subscriptions', [ref('int_line_life')]) }}, true)
),

spells as (
    select
        cast(date_trunc('month', observed.activated_on) as date) as activation_month,
        providers.group_name as provider_group,
        observed.activated_on,
        observed.entered_on,
        greatest(
            coalesce(observed.ended_on, {{ data_end('subscriptions', [ref('int_line_life')]) }}), observed.entered_on
        ) as last_seen_on,
        case
            when observed.ended_on is null then 'STILL_HERE'
            when observed.termination_reason = 'PORT_OUT' then 'DEPARTED'
            else 'ENDED_OTHERWISE'
        end as ending
    from observed
    inner join providers on observed.provider = providers.provider
    where {{ in_view(['providers.group_name']) }}
),

-- lines that do the same on the same day are counted before anything is reckoned of their days
moments as (
    select
        activation_month,
        provider_group,
        activated_on,
        entered_on as date_day,
        'ENTERED' as what,
        count(*) as lines
    from spells
    group by activation_month, provider_group, activated_on, entered_on
    union all
    select
        activation_month,
        provider_group,
        activated_on,
        last_seen_on as date_day,
        ending as what,
        count(*) as lines
    from spells
    group by activation_month, provider_group, activated_on, last_seen_on, ending
),

aged as (
    select
        *,
        {{ full_months_between('activated_on', 'date_day') }} as months_since
    from moments
),

months as (
    select
        cohorts.activation_month,
        cohorts.provider_group,
        spine.number as months_since
    from (
        select
            aged.activation_month,
            aged.provider_group,
            min(aged.months_since) as first_month,
            max(aged.months_since) as last_month
        from aged
        group by aged.activation_month, aged.provider_group
    ) as cohorts
    cross join {{ integers_from_to('cohorts.first_month', 'cohorts.last_month', 'spine') }}
),

-- age by the day, as full months and the days since; every month is there, also one in which nothing happens
days as (
    select
        activation_month,
        provider_group,
        months_since,
        {{ days_between(months_after('activated_on', 'months_since'), 'date_day') }} as day_of_month,
        what,
        lines
    from aged
    union all
    select
        activation_month,
        provider_group,
        months_since,
        0 as day_of_month,
        'NOTHING' as what,
        0 as lines
    from months
),

counted as (
    select
        activation_month,
        provider_group,
        months_since,
        day_of_month,
        cast(sum(case when what = 'ENTERED' then lines else 0 end) as bigint) as entered,
        cast(sum(case when what = 'DEPARTED' then lines else 0 end) as bigint) as departed,
        cast(sum(case when what = 'ENDED_OTHERWISE' then lines else 0 end) as bigint) as ended_otherwise,
        cast(sum(case when what = 'STILL_HERE' then lines else 0 end) as bigint) as censored
    from days
    group by activation_month, provider_group, months_since, day_of_month
),

-- whoever comes under observation, ends or is censored on a day was at risk on it
exposed as (
    select
        *,
        departed + ended_otherwise as ended,
        sum(entered - departed - ended_otherwise - censored) over so_far + departed + ended_otherwise + censored
            as at_risk
    from counted
    window so_far as (
        partition by activation_month, provider_group
        order by months_since, day_of_month
        rows between unbounded preceding and current row
    )
),

-- a day on which all at risk end is the last step
stepped as (
    select
        *,
        ended > 0 and at_risk = ended as is_last,
        1e0 - 1e0 * ended / nullif(at_risk, 0) as stays,
        case when at_risk > ended then ln(1e0 - 1e0 * ended / at_risk) else 0 end as log_stays,
        case when at_risk > ended then 1e0 * ended / at_risk / (at_risk - ended) else 0 end as greenwood
    from exposed
),

-- Kaplan–Meier of any ending, just before the day
survived as (
    select
        *,
        case
            when bool_or(is_last) over before_it then 0e0
            else exp(coalesce(sum(log_stays) over before_it, 0))
        end as survival_before
    from stepped
    window before_it as (
        partition by activation_month, provider_group
        order by months_since, day_of_month
        rows between unbounded preceding and 1 preceding
    )
),

-- Aalen–Johansen: the share that had departed, or ended otherwise, of those who could do either
incident as (
    select
        *,
        survival_before * coalesce(stays, 1e0) as survival,
        sum(greenwood) over so_far as greenwood_sum,
        coalesce(sum(survival_before * departed / nullif(at_risk, 0)) over so_far, 0) as incidence,
        coalesce(sum(survival_before * ended_otherwise / nullif(at_risk, 0)) over so_far, 0) as other_incidence,
        survival_before * departed / nullif(at_risk * at_risk, 0) as covariance
    from survived
    window so_far as (
        partition by activation_month, provider_group
        order by months_since, day_of_month
        rows between unbounded preceding and current row
    )
),

-- the delta method's variance of that share (Marubini and Valsecchi 1995, chapter 10), its square multiplied out
varied as (
    select
        *,
        incidence * incidence * greenwood_sum
        - 2 * incidence * sum(greenwood * incidence) over so_far
        + sum(greenwood * incidence * incidence) over so_far
        + coalesce(sum(survival_before * covariance * (at_risk - departed) / at_risk) over so_far, 0)
        - 2 * incidence * coalesce(sum(covariance) over so_far, 0)
        + 2 * coalesce(sum(covariance * incidence) over so_far, 0) as incidence_variance
    from incident
    window so_far as (
        partition by activation_month, provider_group
        order by months_since, day_of_month
        rows between unbounded preceding and current row
    )
),

monthly as (
    select
        activation_month,
        provider_group,
        months_since,
        sum(entered) as entered,
        cast(sum(departed) as bigint) as departed,
        cast(sum(ended_otherwise) as bigint) as ended_otherwise,
        cast(sum(censored) as bigint) as censored,
        {{ last_by('survival', 'day_of_month') }} as survival,
        {{ last_by('greenwood_sum', 'day_of_month') }} as greenwood_sum,
        {{ last_by('incidence', 'day_of_month') }} as incidence,
        {{ last_by('other_incidence', 'day_of_month') }} as other_incidence,
        {{ last_by('incidence_variance', 'day_of_month') }} as incidence_variance
    from varied
    group by activation_month, provider_group, months_since
),

-- intervals on the log-log scale stay between 0 and 1
bounded as (
    select
        *,
        cast(
            sum(entered - departed - ended_otherwise - censored) over so_far + departed + ended_otherwise + censored
            as bigint
        ) as at_risk,
        {{ interval_z() }} * sqrt(greenwood_sum) / nullif(-ln(nullif(survival, 0)), 0) as survival_width,
        {{ interval_z() }} * sqrt(greatest(incidence_variance, 0)) / nullif(-incidence * ln(nullif(incidence, 0)), 0)
            as incidence_width
    from monthly
    window so_far as (
        partition by activation_month, provider_group
        order by months_since
        rows between unbounded preceding and current row
    )
),

final as (
    select
        bounded.activation_month,
        bounded.provider_group,
        bounded.months_since,
        bounded.at_risk,
        bounded.departed,
        bounded.ended_otherwise,
        bounded.censored,
        100e0 * bounded.survival as survival_pct,
        100e0 * coalesce(power(bounded.survival, exp(bounded.survival_width)), bounded.survival)
            as survival_low_pct,
        100e0 * coalesce(power(bounded.survival, exp(-bounded.survival_width)), bounded.survival)
            as survival_high_pct,
        100e0 * bounded.incidence as departure_incidence_pct,
        100e0 * coalesce(power(bounded.incidence, exp(bounded.incidence_width)), bounded.incidence)
            as departure_incidence_low_pct,
        100e0 * coalesce(power(bounded.incidence, exp(-bounded.incidence_width)), bounded.incidence)
            as departure_incidence_high_pct,
        100e0 * bounded.other_incidence as other_ending_incidence_pct,
        coverage.line_coverage_pct
    from bounded
    left join coverage
        on
            bounded.provider_group = coverage.donor_group
            and bounded.months_since = {{ full_months_between('bounded.activation_month', 'coverage.month') }}
    where bounded.at_risk > 0
)

select * from final
