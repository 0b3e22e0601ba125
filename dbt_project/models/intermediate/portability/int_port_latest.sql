{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='port_id',
) }}

{%- set touched = ref('int_port_latest__touched') %}

with events as (
    select * from {{ ref('stg_clearing_house__port_events') }}
    where {{ is_in_stretches('port_id', touched) }}
),

providers as (
    select * from {{ ref('providers') }}
),

-- of a state that was delivered again, the latest delivery (two aggregates take 0.6 of the time of a window)
states as (
    select
        port_id,
        event_seq,
        {{ last_by('status', 'dt') }} as status,
        {{ last_by('processed_on', 'dt') }} as processed_on,
        {{ last_by('status_at', 'dt') }} as status_at,
        min(dt) as first_dt,
        max(dt) as last_dt
    from events
    group by port_id, event_seq
),

-- what a port went through stays true whatever came after: a departure that was withdrawn is still a departure
history as (
    select
        port_id,
        max(event_seq) as event_seq,
        {{ last_by('last_dt', 'event_seq') }} as latest_dt,
        bool_or(status = 'COMPLETED') as is_completed,
        bool_or(status = 'WITHDRAWN') as is_withdrawn,
        {{ last_by('processed_on', 'event_seq') }} filter (where status = 'COMPLETED') as processed_on,
        {{ last_by('status_at', 'event_seq') }} filter (where status = 'WITHDRAWN') as withdrawn_at,
        min(first_dt) as first_dt,
        max(last_dt) as last_dt
    from states
    group by port_id
),

final as (
    select
        latest.port_id,
        latest.number_key,
        latest.donor_provider,
        latest.donor_network,
        coalesce(donor.group_name, 'UNKNOWN') as donor_group,
        latest.recipient_provider,
        latest.recipient_network,
        coalesce(recipient.group_name, 'UNKNOWN') as recipient_group,
        latest.line_type,
        latest.event_seq,
        latest.status,
        latest.reject_code,
        latest.sales_channel,
        latest.dealer_code,
        latest.requested_at,
        latest.status_at,
        history.processed_on,
        history.is_completed,
        history.is_withdrawn,
        {{ local_date('history.withdrawn_at') }} as withdrawn_on,
        history.latest_dt as state_dt,
        history.first_dt,
        history.last_dt
    from history
    inner join events as latest
        on
            history.port_id = latest.port_id
            and history.event_seq = latest.event_seq
            and history.latest_dt = latest.dt
    left join providers as donor on latest.donor_provider = donor.provider
    left join providers as recipient on latest.recipient_provider = recipient.provider
)

select * from final
