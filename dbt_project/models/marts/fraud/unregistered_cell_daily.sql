with uses as (
    select * from {{ ref('int_unregistered_use') }}
),

-- billing does not know where a cell stands: a payment counts where the core saw the cell last that day. Of two regions
-- at one instant each sighting keeps its own, so that every build agrees
placed as (
    select
        uses.*,
        coalesce(
            {{ last_known('uses.region_code') }} over before_it,
            {{ first_known('uses.region_code') }} over after_it,
            'UNKNOWN'
        ) as placed_region_code
    from uses
    window
        before_it as (
            partition by uses.cell_id, uses.date_day order by uses.seen_to, uses.region_code nulls last
            range between unbounded preceding and current row
        ),
        after_it as (
            partition by uses.cell_id, uses.date_day order by uses.seen_to, uses.region_code nulls last
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
        min(seen_from) as first_seen_at,
        max(seen_to) as last_seen_at,
        min(known_on) as first_known_on,
        max(cleared_dt) as cleared_on
    from placed
    group by cell_id, date_day, placed_region_code
)

select * from final
