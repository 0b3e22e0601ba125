{{ config(materialized='view') }}

with uses as (
    select * from {{ ref('int_unregistered_use') }}
),

-- what a later list cleared is no longer an exposure
final as (
    select
        number_key,
        cell_id,
        seen_from,
        seen_to,
        known_dt,
        known_on
    from uses
    where cleared_dt is null
)

select * from final
