{{ config(materialized='view') }}

with revisions as (
    select * from {{ ref('stg_receipts__revisions') }}
),

final as (
    select
        feed,
        dt,
        min(delivered_at) as delivered_at,
        {{ local_date('min(delivered_at)') }} as delivered_on
    from revisions
    group by feed, dt
)

select * from final
