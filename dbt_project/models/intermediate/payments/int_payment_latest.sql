{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
    meta={'consumes': ['payments']},
) }}

with events as (
    select * from {{ ref('stg_payments__payment_events') }}
    {{ only_touched('payments', 'payment_id') }}
),

-- highest event_seq first; of a state that was delivered again, the latest delivery
ranked as (
    select
        *,
        row_number() over newest_first as recency,
        coalesce(lag(event_seq) over newest_first = event_seq, false) as is_stale
    from events
    window newest_first as (partition by payment_id order by event_seq desc, dt desc)
),

latest as (
    select * from ranked
    where recency = 1
),

-- what only some states carry is the last that was said of it; a payment happened when its first state did
history as (
    select
        payment_id,
        {{ last_by('status_at', '-event_seq') }} filter (where not is_stale) as occurred_at,
        {{ last_by('line_key', 'event_seq') }} filter (where not is_stale) as line_key,
        {{ last_by('cell_id', 'event_seq') }} filter (where not is_stale) as cell_id,
        {{ last_by('is_ars_call_complete', 'event_seq') }} filter (where not is_stale) as is_ars_call_complete,
        {{ last_by('limit_raised_at', 'event_seq') }} filter (where not is_stale) as limit_raised_at,
        min(dt) filter (where cell_id is not null and not is_stale) as cell_dt,
        min(dt) filter (where not is_ars_call_complete and not is_stale) as ars_incomplete_dt,
        min(dt) as first_dt,
        max(dt) as last_dt
    from ranked
    group by payment_id
),

final as (
    select
        latest.payment_id,
        history.line_key,
        latest.number_key,
        latest.product,
        latest.merchant_id,
        latest.merchant_category,
        latest.amount,
        latest.auth_method,
        history.is_ars_call_complete,
        history.cell_id,
        latest.monthly_limit,
        history.limit_raised_at,
        latest.event_seq,
        latest.status,
        history.occurred_at,
        latest.status_at,
        history.cell_dt,
        history.ars_incomplete_dt,
        history.first_dt,
        history.last_dt
    from latest
    inner join history on latest.payment_id = history.payment_id
)

select * from final
