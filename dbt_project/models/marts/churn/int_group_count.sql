{{ config(materialized='view') }}

with counts as (
    select * from {{ ref('stg_regulator__line_counts') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

-- a month that the regulator delivered again counts as last delivered
latest as (
    select
        month_start,
        provider,
        line_type,
        {{ last_by('lines', 'dt') }} as lines
    from counts
    group by month_start, provider, line_type
),

counted as (
    select
        latest.*,
        providers.group_name as provider_group,
        min(latest.month_start) over (partition by latest.provider) as first_month
    from latest
    inner join providers on latest.provider = providers.provider
),

counted_providers as (
    select
        month_start,
        provider_group,
        count(distinct provider) as providers,
        count(distinct case when month_start = first_month then provider end) as new_providers
    from counted
    group by month_start, provider_group
),

-- a group is counted with every provider of it that was counted before: a part of it would look like a loss of lines
complete as (
    select
        month_start,
        provider_group,
        providers = sum(new_providers) over (
            partition by provider_group
            order by month_start
            rows between unbounded preceding and current row
        ) as is_complete
    from counted_providers
),

final as (
    select
        counted.month_start as month,
        counted.provider_group,
        counted.line_type,
        cast(sum(counted.lines) as bigint) as lines
    from counted
    inner join complete
        on
            counted.month_start = complete.month_start
            and counted.provider_group = complete.provider_group
            and complete.is_complete
    group by counted.month_start, counted.provider_group, counted.line_type
)

select * from final
