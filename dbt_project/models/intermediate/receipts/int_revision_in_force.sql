{{ config(materialized='view') }}

with revisions as (
    select * from {{ ref('stg_receipts__revisions') }}
),

-- each in force from its delivery until the next one of its day
spans as (
    select
        feed,
        dt,
        rev,
        {{ local_date('delivered_at') }} as known_from,
        coalesce(
            {{ local_date('lead(delivered_at) over (partition by feed, dt order by rev)') }}, date '9999-12-31'
        ) as known_until
    from revisions
),

-- two revisions of one day: only the later was ever known at the end of it
final as (
    select * from spans
    where known_from < known_until
)

select * from final
