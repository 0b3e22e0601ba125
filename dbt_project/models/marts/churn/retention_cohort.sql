{%- set z = 1.959963984540054 -%}  {#- the normal distribution's 97.5 % point -#}

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
        100.0 * sum(port_outs_with_line) / sum(port_outs) as line_coverage_pct
    from {{ ref('port_coverage_daily') }}
    group by cast(date_trunc('month', processed_on) as date), donor_group
),

-- a line that began before the first delivery was told of because it was still there then: counting its earlier months
-- would count months in which it could not leave
observed as (
    select
        *,
        greatest(observed_from_on, {{ data_start('subscriptions', [ref('int_line_life')]) }}) as entered_on
    from lives
    where coalesce(ended_on >= {{ data_start('subscriptions', [ref('int_line_life')]) }}, true)
),

-- in full months of age: when a line came under observation, and when it left it
spells as (
    select
        cast(date_trunc('month', observed.activated_on) as date) as activation_month,
        providers.group_name as provider_group,
        greatest({{ full_months_between('observed.activated_on', 'observed.entered_on') }}, 0) as entry_month,
        greatest({{ full_months_between(
            'observed.activated_on',
            'coalesce(observed.ended_on, greatest(' ~ data_end('subscriptions', [ref('int_line_life')]) ~ ', observed.entered_on))',
        ) }}, 0) as exit_month,
        observed.ended_on is not null as is_ended,
        coalesce(observed.termination_reason = 'PORT_OUT', false) as is_departed
    from observed
    inner join providers on observed.provider = providers.provider
    where {{ in_view(['providers.group_name']) }}
),

cohorts as (
    select
        activation_month,
        provider_group,
        min(entry_month) as first_month,
        max(exit_month) as last_month
    from spells
    group by activation_month, provider_group
),

months as (
    select
        cohorts.activation_month,
        cohorts.provider_group,
        spine.number as months_since
    from cohorts
    cross join {{ integers_from_to('cohorts.first_month', 'cohorts.last_month', 'spine') }}
),

entries as (
    select
        activation_month,
        provider_group,
        entry_month as months_since,
        count(*) as entered
    from spells
    group by activation_month, provider_group, entry_month
),

exits as (
    select
        activation_month,
        provider_group,
        exit_month as months_since,
        count(*) filter (where is_departed) as departed,
        count(*) filter (where is_ended and not is_departed) as left_otherwise,
        count(*) filter (where not is_ended) as still_here
    from spells
    group by activation_month, provider_group, exit_month
),

counted as (
    select
        months.activation_month,
        months.provider_group,
        months.months_since,
        coalesce(entries.entered, 0) as entered,
        coalesce(exits.departed, 0) as departed,
        coalesce(exits.left_otherwise, 0) as left_otherwise,
        coalesce(exits.still_here, 0) as still_here
    from months
    left join entries
        on
            months.activation_month = entries.activation_month
            and months.provider_group = entries.provider_group
            and months.months_since = entries.months_since
    left join exits
        on
            months.activation_month = exits.activation_month
            and months.provider_group = exits.provider_group
            and months.months_since = exits.months_since
),

-- whoever leaves or is censored in a month was at risk in it
exposed as (
    select
        *,
        cast(
            sum(entered - departed - left_otherwise - still_here) over so_far + departed + left_otherwise + still_here
            as bigint
        ) as at_risk
    from counted
    window so_far as (
        partition by activation_month, provider_group
        order by months_since
        rows between unbounded preceding and current row
    )
),

-- sums of logarithms and of Greenwood's terms; the month in which everybody at risk departs ends both
summed as (
    select
        *,
        sum(
            case when at_risk > departed then ln(1.0 - 1.0 * departed / at_risk) else 0 end
        ) over so_far as log_survival,
        sum(
            case when at_risk > departed then 1.0 * departed / at_risk / (at_risk - departed) else 0 end
        ) over so_far as greenwood,
        max(departed) over so_far > 0 as has_event,
        min(at_risk - departed) over so_far = 0 as is_zero
    from exposed
    where at_risk > 0
    window so_far as (
        partition by activation_month, provider_group
        order by months_since
        rows between unbounded preceding and current row
    )
),

final as (
    select
        summed.activation_month,
        summed.provider_group,
        summed.months_since,
        summed.at_risk,
        summed.departed,
        summed.left_otherwise + summed.still_here as censored,
        summed.left_otherwise as censored_left_otherwise,
        case when summed.is_zero then 0.0 else exp(summed.log_survival) end as survival,
        case
            when summed.is_zero then 0.0
            when not summed.has_event then 1.0
            else exp(-exp(ln(-summed.log_survival) + {{ z }} * sqrt(summed.greenwood) / -summed.log_survival))
        end as survival_low,
        case
            when summed.is_zero then 0.0
            when not summed.has_event then 1.0
            else exp(-exp(ln(-summed.log_survival) - {{ z }} * sqrt(summed.greenwood) / -summed.log_survival))
        end as survival_high,
        coverage.line_coverage_pct
    from summed
    left join coverage
        on
            summed.provider_group = coverage.donor_group
            and summed.months_since = {{ full_months_between('summed.activation_month', 'coverage.month') }}
)

select * from final
