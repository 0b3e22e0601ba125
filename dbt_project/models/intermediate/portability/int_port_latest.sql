{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='port_id',
    meta={'consumes': ['portability_events']},
) }}

with events as (
    select * from {{ ref('stg_clearing_house__port_events') }}
    {{ only_touched('portability_events', 'port_id') }}
),

providers as (
    select * from {{ ref('providers') }}
),

-- highest event_seq first; of a state that was delivered again, the latest delivery
ranked as (
    select
        *,
        row_number() over newest_first as recency,
        coalesce(lag(event_seq) over newest_first = event_seq, false) as is_stale
    from events
    window newest_first as (partition by port_id order by event_seq desc, dt desc)
),

latest as (
    select * from ranked
    where recency = 1
),

-- what a port went through stays true whatever came after: a departure that was withdrawn is still a departure
history as (
    select
        port_id,
        coalesce(bool_or(status = 'COMPLETED') filter (where not is_stale), false) as is_completed,
        coalesce(bool_or(status = 'WITHDRAWN') filter (where not is_stale), false) as is_withdrawn,
        {{ last_by('processed_on', 'event_seq') }} filter (where status = 'COMPLETED' and not is_stale) as processed_on,
        min(dt) as first_dt,
        max(dt) as last_dt
    from ranked
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
        latest.requested_at,
        latest.status_at,
        history.processed_on,
        history.is_completed,
        history.is_withdrawn,
        history.first_dt,
        history.last_dt
    from latest
    inner join history on latest.port_id = history.port_id
    left join providers as donor on latest.donor_provider = donor.provider
    left join providers as recipient on latest.recipient_provider = recipient.provider
)

select * from final
