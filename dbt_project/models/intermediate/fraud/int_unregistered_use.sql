{{ config(materialized='view') }}

with attachments as (
    select * from {{ ref('int_unregistered_attachment') }}
),

payments as (
    select * from {{ ref('int_unregistered_payment') }}
),

deliveries as (
    select * from {{ ref('int_first_delivery') }}
),

uses as (
    select
        'cell_attachments' as feed,
        cell_id,
        number_key,
        cast(null as string) as payment_id,
        seen_on as date_day,
        region_code,
        first_seen_at as seen_from,
        last_seen_at as seen_to,
        dt as known_dt,
        cleared_on as cleared_dt
    from attachments
    union all
    select
        'payments' as feed,
        cell_id,
        number_key,
        payment_id,
        occurred_on as date_day,
        cast(null as string) as region_code,
        occurred_at as seen_from,
        occurred_at as seen_to,
        cell_dt as known_dt,
        cleared_on as cleared_dt
    from payments
),

-- of a day whose raw delivery is not retained any more, the next morning
final as (
    select
        uses.cell_id,
        uses.number_key,
        uses.payment_id,
        uses.date_day,
        uses.region_code,
        uses.seen_from,
        uses.seen_to,
        uses.known_dt,
        coalesce(told.delivered_on, uses.known_dt + 1) as known_on,
        uses.cleared_dt,
        coalesce(cleared.delivered_on, uses.cleared_dt + 1) as cleared_known_on
    from uses
    left join deliveries as told
        on
            uses.feed = told.feed
            and uses.known_dt = told.dt
    left join deliveries as cleared
        on
            cleared.feed = 'cell_registry'
            and uses.cleared_dt = cleared.dt
)

select * from final
