with ports as (
    select * from {{ ref('int_port_revenue') }}
),

-- whole numbers, so that sums are the same in whatever order they are made
strata as (
    select
        date_day,
        provider_group,
        direction,
        other_group,
        line_type as stratum,
        count(*) as units,
        count(line_key) as units_seen,
        coalesce(sum(cast(monthly_fee as decimal(18, 0))), 0) as value_sum,
        coalesce(sum(cast(monthly_fee as decimal(18, 0)) * monthly_fee), 0) as value_square_sum
    from ports
    group by date_day, provider_group, direction, other_group, line_type
),

estimated as (
    {{ post_stratified('strata', 'date_day, provider_group, direction, other_group') }}
),

final as (
    select
        date_day,
        provider_group,
        direction,
        other_group,
        units as ports,
        units_seen as ports_with_line,
        coverage_pct,
        covered_sum as monthly_fee_sum,
        estimate,
        estimate_low,
        estimate_high
    from estimated
)

select * from final
