-- out of time: months that are over, scored by what was learnt before them
with scores as (
    select * from {{ ref('int_propensity_score') }}
    where is_over
),

ranked as (
    select
        snapshot_on,
        is_ordinary,
        probability,
        left_on is not null as has_left,
        ntile(10) over (partition by snapshot_on order by probability desc, line_key asc) as decile,
        -- of equal scores, the mean of their places
        rank() over (partition by snapshot_on order by probability)
        + (count(*) over (partition by snapshot_on, probability) - 1) / 2e0 as place,
        rank() over (partition by snapshot_on order by of_months_left)
        + (count(*) over (partition by snapshot_on, of_months_left) - 1) / 2e0 as place_by_months_left
    from scores
),

final as (
    select
        snapshot_on,
        decile,
        is_ordinary,
        count(*) as lines,
        count(*) filter (where has_left) as departures,
        sum(cast(probability as decimal(18, 12))) as departures_expected,
        coalesce(sum(place) filter (where has_left), 0) as place_sum,
        coalesce(sum(place_by_months_left) filter (where has_left), 0) as place_by_months_left_sum
    from ranked
    group by snapshot_on, decile, is_ordinary
)

select * from final
