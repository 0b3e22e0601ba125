{#-
An estimate for all from the part that is seen, post-stratified: within a stratum, units that are not seen are taken to
be like those that are. `strata` has, per `keys` and stratum, the `units` that there are and the `units_seen`, and of
these the sum of their values and of the squares (`value_sum`, `value_square_sum`). The interval is the normal one
(`interval_z`), with the variance given how many are seen of each stratum (Cochran, Sampling Techniques, 5A.9). A
stratum of fewer than ten seen is too small for a variance: it joins the largest. Where fewer than two are seen of more,
or nothing says how many there are, nothing is estimated. Values are never negative, so what is seen bounds the total
from below.
-#}
{% macro post_stratified(strata, keys) -%}
    with sized as (
        select
            *,
            case
                when units_seen >= 10 or units_seen = units then stratum
                else first_value(stratum) over (partition by {{ keys }} order by units_seen desc, stratum)
            end as joined_stratum
        from {{ strata }}
    ),

    joined as (
        select
            {{ keys }},
            joined_stratum,
            cast(sum(units) as double) as units,
            cast(sum(units_seen) as double) as units_seen,
            cast(sum(value_sum) as double) as value_sum,
            cast(sum(value_square_sum) as double) as value_square_sum
        from sized
        group by {{ keys }}, joined_stratum
    ),

    estimated as (
        select
            *,
            case when units_seen = units then value_sum else value_sum * units / nullif(units_seen, 0) end as total,
            case
                when units_seen = units then 0
                when units_seen > 1
                    then
                        units * units * (1 - units_seen / units) / units_seen
                        * (value_square_sum - value_sum * value_sum / units_seen) / (units_seen - 1)
            end as variance
        from joined
    ),

    summed as (
        select
            {{ keys }},
            cast(sum(units) as bigint) as units,
            cast(sum(units_seen) as bigint) as units_seen,
            case when count(units) = count(*) then 100e0 * sum(units_seen) / sum(units) end as coverage_pct,
            cast(sum(value_sum) as bigint) as covered_sum,
            case when count(variance) = count(*) then sum(total) end as estimate,
            case when count(variance) = count(*) then {{ interval_z() }} * sqrt(greatest(sum(variance), 0)) end
                as half_width
        from estimated
        group by {{ keys }}
    )

    select
        {{ keys }},
        units,
        units_seen,
        coverage_pct,
        covered_sum,
        cast(round(estimate) as bigint) as estimate,
        cast(round(
            case when estimate - half_width < covered_sum then covered_sum else estimate - half_width end
        ) as bigint) as estimate_low,
        cast(round(estimate + half_width) as bigint) as estimate_high
    from summed
{%- endmacro %}
