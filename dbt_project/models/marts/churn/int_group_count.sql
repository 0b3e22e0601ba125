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

final as (
    select
        latest.month_start as month,
        providers.group_name as provider_group,
        latest.line_type,
        cast(sum(latest.lines) as bigint) as lines
    from latest
    inner join providers on latest.provider = providers.provider
    group by latest.month_start, providers.group_name, latest.line_type
)

select * from final
