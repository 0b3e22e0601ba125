{%- set lines_to = data_end('subscriptions', [ref('int_subscription_interval')]) -%}
{%- set lines_from = data_start('subscriptions', [ref('int_subscription_interval')]) -%}
{%- set months = 13 -%}

with lives as (
    select * from {{ ref('int_line_life') }}
    where activated_on >= date_trunc('month', {{ months_after(lines_to, 1 - months) }})
),

-- the dealer that billing named first
sellers as (
    select
        line_key,
        dealer_code,
        row_number() over (partition by line_key order by valid_from asc) as nth
    from {{ ref('dim_line') }}
    where dealer_code is not null
),

providers as (
    select * from {{ ref('dim_provider') }}
),

terms as (
    select * from {{ ref('dealer_terms') }}
    where terms = 'DEALER'
),

-- what ended before billing's first delivery was never told: such months would look better than they were
sold as (
    select
        cast(date_trunc('month', lives.activated_on) as date) as month,
        providers.group_name as provider_group,
        sellers.dealer_code,
        {{ days_between('lives.activated_on', lines_to) }} >= terms.early_days as is_followed,
        coalesce({{ days_between('lives.activated_on', 'lives.ended_on') }} < terms.early_days, false) as ends_early,
        lives.termination_reason
    from lives
    inner join sellers
        on
            lives.line_key = sellers.line_key
            and sellers.nth = 1
    inner join providers on lives.provider = providers.provider
    cross join terms
    where
        lives.activated_on >= {{ lines_from }}
        and {{ in_view(['providers.group_name']) }}
),

counted as (
    select
        month,
        provider_group,
        dealer_code,
        count(*) as activations,
        count(*) filter (where is_followed) as activations_followed,
        count(*) filter (where is_followed and ends_early) as ended_early,
        count(*) filter (
            where is_followed and ends_early and termination_reason = 'PORT_OUT'
        ) as ported_out_early
    from sold
    group by month, provider_group, dealer_code
),

compared as (
    select
        *,
        1e0 * ended_early / nullif(activations_followed, 0) as early_churn,
        1e0 * ((sum(ended_early) over others) - ended_early)
        / nullif((sum(activations_followed) over others) - activations_followed, 0) as usual_early_churn
    from counted
    window others as (partition by month, provider_group)
),

bounded as (
    select
        *,
        {{ wilson_middle('early_churn', 'nullif(activations_followed, 0)') }} as middle,
        {{ wilson_half_width('early_churn', 'nullif(activations_followed, 0)') }} as half_width
    from compared
),

final as (
    select
        bounded.month,
        bounded.provider_group,
        bounded.dealer_code,
        bounded.activations,
        bounded.activations_followed,
        bounded.ended_early,
        bounded.ported_out_early,
        cast(100e0 * bounded.early_churn as double) as early_churn_pct,
        cast(100e0 * greatest(bounded.middle - bounded.half_width, 0) as double) as early_churn_low_pct,
        cast(100e0 * (bounded.middle + bounded.half_width) as double) as early_churn_high_pct,
        cast(100e0 * bounded.usual_early_churn as double) as usual_early_churn_pct,
        bounded.ended_early >= terms.early_least
        and coalesce(bounded.middle - bounded.half_width > bounded.usual_early_churn, false) as is_conspicuous
    from bounded
    cross join terms
)

select * from final
