{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
) }}

{%- set told = ref('stg_payments__payment_events') -%}
{%- set touched = ref('int_payment_latest__touched') %}

-- one part of the payments after the other: texts that an aggregate keeps do not go to disk
{% for part in parts_of(told, 'payment_id', bytes_per_row=1000) %}
    select *
    from (
        with events as (
            select * from {{ told }}
            where
                {{ part }}
                and {{ is_in_stretches('payment_id', touched) }}
        ),

        -- of a state that was delivered again, the latest delivery (two aggregates take 0.6 of the time of a window)
        states as (
            select
                payment_id,
                event_seq,
                {{ last_by('status_at', 'dt') }} as status_at,
                {{ last_by('line_key', 'dt') }} as line_key,
                {{ last_by('cell_id', 'dt') }} as cell_id,
                {{ last_by('is_ars_call_complete', 'dt') }} as is_ars_call_complete,
                {{ last_by('limit_raised_at', 'dt') }} as limit_raised_at,
                min(dt) filter (where cell_id is not null) as cell_dt,
                min(dt) filter (where not is_ars_call_complete) as ars_incomplete_dt,
                min(dt) filter (where limit_raised_at is not null) as limit_raised_dt,
                min(dt) filter (where status = 'DENIED') as denied_dt,
                min(dt) filter (where status in ('DENIED', 'CANCELLED')) as refused_dt,
                min(dt) filter (where status <> 'PENDING') as ended_dt,
                min(dt) as first_dt,
                max(dt) as last_dt
            from events
            group by payment_id, event_seq
        ),

        -- what only some states carry is the last that was said of it; a payment happened when its first state did
        history as (
            select
                payment_id,
                max(event_seq) as event_seq,
                {{ last_by('last_dt', 'event_seq') }} as latest_dt,
                {{ last_by('status_at', '-event_seq') }} as occurred_at,
                {{ last_by('line_key', 'event_seq') }} as line_key,
                {{ last_by('cell_id', 'event_seq') }} as cell_id,
                {{ last_by('is_ars_call_complete', 'event_seq') }} as is_ars_call_complete,
                {{ last_by('limit_raised_at', 'event_seq') }} as limit_raised_at,
                min(cell_dt) as cell_dt,
                min(ars_incomplete_dt) filter (where not is_ars_call_complete) as ars_incomplete_dt,
                min(limit_raised_dt) as limit_raised_dt,
                min(denied_dt) as denied_dt,
                min(refused_dt) as refused_dt,
                min(ended_dt) as ended_dt,
                min(first_dt) as first_dt,
                max(last_dt) as last_dt
            from states
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
                history.limit_raised_dt,
                history.denied_dt,
                history.refused_dt,
                history.ended_dt,
                history.latest_dt as state_dt,
                history.first_dt,
                history.last_dt
            from history
            inner join events as latest
                on
                    history.payment_id = latest.payment_id
                    and history.event_seq = latest.event_seq
                    and history.latest_dt = latest.dt
        )

        select * from final
    ) as part
    {{ 'union all' if not loop.last }}
{% endfor %}
