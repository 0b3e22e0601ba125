with strata as (
    select * from {{ ref('int_amount_stratum') }}
),

estimated as (
    {{ post_stratified('strata', 'incident_id, relation, measure') }}
),

final as (
    select
        incident_id,
        relation,
        measure,
        covered_sum,
        units,
        units_seen as units_covered,
        coverage_pct,
        estimate,
        estimate_low,
        estimate_high
    from estimated
)

select * from final
