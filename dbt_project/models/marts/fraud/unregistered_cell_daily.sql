with attachments as (
    select * from {{ ref('int_unregistered_attachment') }}
),

payments as (
    select * from {{ ref('int_unregistered_payment') }}
),

-- one row per sign of a number on the cell
uses as (
    select
        cell_id,
        seen_on as date_day,
        region_code,
        number_key,
        first_seen_at,
        last_seen_at,
        dt as known_dt,
        cleared_on,
        cast(null as varchar) as payment_id
    from attachments
    union all
    select
        cell_id,
        occurred_on as date_day,
        cast(null as varchar) as region_code,
        number_key,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at,
        cell_dt as known_dt,
        cleared_on,
        payment_id
    from payments
),

-- billing does not know where a cell stands: a payment counts where the core saw the cell last that day. Of two regions
-- at one instant each sighting keeps its own, so that every build agrees
placed as (
    select
        uses.*,
        coalesce(
            last_value(uses.region_code ignore nulls) over before_it,
            first_value(uses.region_code ignore nulls) over after_it,
            'UNKNOWN'
        ) as placed_region_code
    from uses
    window
        before_it as (
            partition by uses.cell_id, uses.date_day order by uses.last_seen_at, uses.region_code nulls last
            range between unbounded preceding and current row
        ),
        after_it as (
            partition by uses.cell_id, uses.date_day order by uses.last_seen_at, uses.region_code nulls last
            range between current row and unbounded following
        )
),

final as (
    select
        cell_id,
        date_day,
        placed_region_code as region_code,
        count(distinct number_key) as numbers,
        count(payment_id) as payments,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(known_dt) as first_known_on,
        max(cleared_on) as cleared_on
    from placed
    group by cell_id, date_day, placed_region_code
)

select * from final
