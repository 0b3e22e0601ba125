with ports as (
    select * from {{ ref('int_port_revenue') }}
    where line_key is not null
),

final as (
    select
        cast(date_trunc('month', date_day) as date) as month,
        provider_group,
        direction,
        other_group,
        plan_code,
        count(*) as ports_with_line,
        cast(sum(monthly_fee) as bigint) as monthly_fee_sum
    from ports
    group by cast(date_trunc('month', date_day) as date), provider_group, direction, other_group, plan_code
)

select * from final
