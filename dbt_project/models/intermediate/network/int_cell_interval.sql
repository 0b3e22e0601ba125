{{ config(materialized='view') }}

with changes as (
    select * from {{ ref('int_cell_registry_change') }}
),

intervals as (
    select
        cell_id,
        kind,
        region_code,
        registered_on,
        deregistered_on,
        is_listed,
        list_on as listed_from,
        lead(list_on) over (partition by cell_id order by list_on) as listed_to
    from changes
),

final as (
    select
        cell_id,
        kind,
        region_code,
        registered_on,
        deregistered_on,
        listed_from,
        listed_to
    from intervals
    where is_listed
)

select * from final
