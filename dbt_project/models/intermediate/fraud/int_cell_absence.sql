{{ config(materialized='view') }}

with intervals as (
    select * from {{ ref('int_cell_interval') }}
),

served as (
    select
        cell_id,
        listed_from as served_from,
        least(
            coalesce(listed_to, date '9999-12-31'),
            coalesce(cast(deregistered_on + interval 1 day as date), date '9999-12-31')
        ) as served_to
    from intervals
    where coalesce(deregistered_on >= listed_from, true)
),

-- from the end of one interval, or the first list there is, to the beginning of the next
between_intervals as (
    select
        cell_id,
        coalesce(
            lag(served_to) over (partition by cell_id order by served_from),
            (select min(intervals.listed_from) from intervals)
        ) as absent_from,
        served_from as absent_to
    from served
),

final as (
    select * from between_intervals
    where absent_from < absent_to
)

select * from final
