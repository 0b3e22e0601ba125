{{ config(materialized='view') }}

with intervals as (
    select * from {{ ref('int_cell_interval') }}
),

-- any later list that holds the cell clears the days before it: only what comes after the last one is missing
final as (
    select
        cell_id,
        min(listed_from) as listed_from,
        max(listed_to) as delisted_on,
        max(case
            when deregistered_on is null then coalesce(listed_to, date '9999-12-31')
            when deregistered_on < listed_from then date '0001-01-01'
            else least(coalesce(listed_to, date '9999-12-31'), cast(deregistered_on + interval 1 day as date))
        end) as unregistered_from
    from intervals
    group by cell_id
)

select * from final
