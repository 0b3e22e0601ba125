-- out of time: months that are over, scored by what was learnt before them
with scores as (
    select * from {{ ref('int_propensity_score') }}
    where is_over
),

-- Each line is counted as often as it stands for: of equal scores, the mean of their places.
ranked as (
    select
        snapshot_on,
        is_ordinary,
        probability,
        stands_for,
        left_on is not null as has_left,
        sum(stands_for) over (partition by snapshot_on) as lines_in_all,
        sum(stands_for) over (
            partition by snapshot_on order by probability desc, line_key asc rows unbounded preceding
        ) as lines_down_to,
        sum(stands_for) over (partition by snapshot_on order by probability)
        - (sum(stands_for) over (partition by snapshot_on, probability) - 1) / 2e0 as place,
        sum(stands_for) over (partition by snapshot_on order by of_months_left)
        - (sum(stands_for) over (partition by snapshot_on, of_months_left) - 1) / 2e0 as place_by_months_left
    from scores
),

placed as (
    select
        *,
        1 + cast(floor(1e1 * (lines_down_to - stands_for) / lines_in_all) as integer) as decile
    from ranked
),

final as (
    select
        snapshot_on,
        decile,
        is_ordinary,
        cast(sum(stands_for) as bigint) as lines,
        count(*) filter (where has_left) as departures,
        sum(stands_for * cast(probability as decimal(18, 12))) as departures_expected,
        coalesce(sum(place) filter (where has_left), 0) as place_sum,
        coalesce(sum(place_by_months_left) filter (where has_left), 0) as place_by_months_left_sum
    from placed
    group by snapshot_on, decile, is_ordinary
)

select * from final
