with strata as (
    select * from {{ ref('int_amount_stratum') }}
),

estimated as (
    {{ post_stratified('strata', 'incident_id, relation, measure') }}
),

counted as (
    select
        incident_id,
        relation,
        measure,
        cast(sum(lines) as bigint) as lines
    from strata
    group by incident_id, relation, measure
),

final as (
    select
        estimated.incident_id,
        estimated.relation,
        estimated.measure,
        counted.lines,
        max(counted.lines) over (partition by estimated.incident_id, estimated.relation) - counted.lines
            as lines_left_out,
        estimated.covered_sum,
        estimated.units,
        estimated.units_seen as units_covered,
        estimated.coverage_pct,
        estimated.estimate,
        estimated.estimate_low,
        estimated.estimate_high
    from estimated
    inner join counted
        on
            estimated.incident_id = counted.incident_id
            and estimated.relation = counted.relation
            and estimated.measure = counted.measure
)

select * from final
