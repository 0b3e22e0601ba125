with ports as (
    select * from {{ ref('fct_port') }}
),

final as (
    select
        processed_on,
        donor_group,
        count(*) as port_outs,
        count(line_key) as port_outs_with_line,
        100e0 * count(line_key) / count(*) as line_coverage_pct
    from ports
    where
        is_completed
        and not is_same_group
        and {{ in_view(['donor_group']) }}
    group by processed_on, donor_group
)

select * from final
