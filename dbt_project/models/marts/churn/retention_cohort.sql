{%- set z = 1.959963984540054 -%}  {#- the normal distribution's 97.5 % point -#}

with lives as (
    select * from {{ ref('int_line_life') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

-- in full months of age: when a line came under observation, and when it left it
spells as (
    select
        cast(date_trunc('month', lives.activated_on) as date) as activation_month,
        providers.group_name as provider_group,
        greatest({{ full_months_between('lives.activated_on', 'lives.observed_from_on') }}, 0) as entry_month,
        greatest({{ full_months_between(
            'lives.activated_on',
            'coalesce(lives.ended_on, greatest(' ~ data_end('subscriptions') ~ ', lives.observed_from_on))',
        ) }}, 0) as exit_month,
        lives.ended_on is not null as is_ended,
        coalesce(lives.termination_reason = 'PORT_OUT', false) as is_departed
    from lives
    inner join providers on lives.provider = providers.provider
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
        activation_month,
        provider_group,
        months_since,
        at_risk,
        departed,
        left_otherwise + still_here as censored,
        left_otherwise as censored_left_otherwise,
        case when is_zero then 0.0 else exp(log_survival) end as survival,
        case
            when is_zero then 0.0
            when not has_event then 1.0
            else exp(-exp(ln(-log_survival) + {{ z }} * sqrt(greenwood) / -log_survival))
        end as survival_low,
        case
            when is_zero then 0.0
            when not has_event then 1.0
            else exp(-exp(ln(-log_survival) - {{ z }} * sqrt(greenwood) / -log_survival))
        end as survival_high
    from summed
)

select * from final
