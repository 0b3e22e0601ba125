{{ config(materialized='view') }}

with attachments as (
    select * from {{ ref('int_unregistered_attachment') }}
),

payments as (
    select * from {{ ref('int_unregistered_payment') }}
),

-- what a later list cleared is no exposure any more
final as (
    select
        number_key,
        cell_id,
        first_seen_at as seen_from,
        last_seen_at as seen_to,
        dt as known_dt
    from attachments
    where cleared_on is null
    union all
    select
        number_key,
        cell_id,
        occurred_at as seen_from,
        occurred_at as seen_to,
        cell_dt as known_dt
    from payments
    where cleared_on is null
)

select * from final
