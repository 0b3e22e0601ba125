{{ config(materialized='view', post_hook="{{ show_progress(this) }}") }}

with lineage as (
    {% for row in lineage_rows() -%}
        select
            '{{ row.model }}' as model,
            '{{ row.feed }}' as feed,
            nullif('{{ row.tracker }}', '') as tracker,
            cast('{{ row.trackers }}' as integer) as trackers
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

consumed as (
    select * from {{ source('pipeline', 'consumed') }}
),

-- through other models with a progress of their own: what all of these have read, since one of them may have been held
-- back, left out or built before the latest delivery came
through_models as (
    select
        lineage.model,
        lineage.feed,
        consumed.dt,
        consumed.rev
    from lineage
    inner join consumed
        on
            lineage.tracker = consumed.model
            and lineage.feed = consumed.feed
    group by lineage.model, lineage.feed, lineage.trackers, consumed.dt, consumed.rev
    having count(*) = lineage.trackers
),

-- otherwise, what is in force
in_force as (
    select
        lineage.model,
        lineage.feed,
        receipts.dt,
        receipts.rev
    from lineage
    inner join {{ source('receipts', 'revision') }} as receipts on lineage.feed = receipts.feed
    where
        lineage.tracker is null
        and receipts.is_current
),

readable as (
    select * from through_models
    union all
    select * from in_force
),

final as (
    select
        readable.model,
        readable.feed,
        readable.dt,
        readable.rev,
        consumed.model is null as is_pending
    from readable
    left join consumed
        on
            readable.model = consumed.model
            and readable.feed = consumed.feed
            and readable.dt = consumed.dt
            and readable.rev = consumed.rev
)

select * from final
