{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='line_key',
) }}

{%- set touched = ref('int_termination_fee__touched') %}

with events as (
    select * from {{ ref('stg_billing__fee_events') }}
    where {{ is_in_stretches('line_key', touched) }}
),

-- of an event that was delivered more than once, the latest delivery
ranked as (
    select
        *,
        row_number() over (partition by line_key, fee_event_id order by dt desc) as recency,
        min(dt) over (partition by line_key, fee_event_id) as first_dt
    from events
),

-- a line that came back and left again has a second fee: what follows a charge belongs to it
numbered as (
    select
        *,
        count(*) filter (where event = 'CHARGED') over (
            partition by line_key
            order by occurred_at, case when event = 'CHARGED' then 0 else 1 end, fee_event_id
            rows between unbounded preceding and current row
        ) as fee_no
    from ranked
    where recency = 1
),

final as (
    select
        line_key,
        fee_no,
        min(occurred_at) filter (where event = 'CHARGED') as charged_at,
        cast(coalesce(sum(amount) filter (where event = 'CHARGED'), 0) as bigint) as charged_amount,
        min(occurred_at) filter (where event = 'REFUND_REQUESTED') as requested_at,
        {{ last_by('reason', 'occurred_at') }} filter (where event = 'REFUND_REQUESTED') as waiver_code,
        max(occurred_at) filter (where event = 'REFUNDED') as refunded_at,
        cast(coalesce(sum(amount) filter (where event = 'REFUNDED'), 0) as bigint) as refunded_amount,
        max(occurred_at) filter (where event = 'REFUND_REFUSED') as refused_at,
        {{ last_by('reason', 'occurred_at') }} filter (where event = 'REFUND_REFUSED') as refusal_reason,
        min(first_dt) as first_dt,
        min(first_dt) filter (where event = 'REFUND_REQUESTED') as requested_dt,
        max(dt) as last_dt
    from numbered
    group by line_key, fee_no
)

select * from final
