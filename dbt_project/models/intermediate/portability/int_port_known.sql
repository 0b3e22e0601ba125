{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='port_id',
) }}

{%- set touched = ref('int_port_known__touched') -%}

-- depends_on: {{ ref('int_port_latest') }}
with revisions as (
    select * from {{ ref('int_revision_in_force') }}
    where feed = 'portability_events'
),

events as (
    select
        port_id,
        event_seq,
        status,
        donor_provider,
        recipient_provider,
        line_type,
        processed_on,
        dt,
        rev
    from {{ ref('stg_clearing_house__port_event_revisions') }}
    where {{ is_in_stretches('port_id', touched) }}
),

known_events as (
    select
        events.*,
        revisions.known_from,
        revisions.known_until
    from events
    inner join revisions
        on
            events.dt = revisions.dt
            and events.rev = revisions.rev
),

-- only such ports can ever be counted, and only on these days can their count change
completed as (
    select distinct port_id
    from known_events
    where status = 'COMPLETED'
),

moments as (
    select
        known_events.port_id,
        known_events.known_from as known_on
    from known_events
    inner join completed on known_events.port_id = completed.port_id
    union
    select
        known_events.port_id,
        known_events.known_until as known_on
    from known_events
    inner join completed on known_events.port_id = completed.port_id
    where known_events.known_until < date '9999-12-31'
),

-- as int_port_latest: of a state delivered again, the latest delivery
states as (
    select
        moments.port_id,
        moments.known_on,
        known_events.event_seq,
        {{ last_by('known_events.status', 'known_events.dt') }} as status,
        {{ last_by('known_events.processed_on', 'known_events.dt') }} as processed_on,
        {{ last_by('known_events.donor_provider', 'known_events.dt') }} as donor_provider,
        {{ last_by('known_events.recipient_provider', 'known_events.dt') }} as recipient_provider,
        {{ last_by('known_events.line_type', 'known_events.dt') }} as line_type
    from moments
    left join known_events
        on
            moments.port_id = known_events.port_id
            and moments.known_on >= known_events.known_from
            and moments.known_on < known_events.known_until
    group by moments.port_id, moments.known_on, known_events.event_seq
),

counted as (
    select
        port_id,
        known_on,
        {{ last_by('processed_on', 'event_seq') }} filter (where status = 'COMPLETED') as processed_on,
        {{ last_by('donor_provider', 'event_seq') }} as donor_provider,
        {{ last_by('recipient_provider', 'event_seq') }} as recipient_provider,
        {{ last_by('line_type', 'event_seq') }} as line_type
    from states
    group by port_id, known_on
),

final as (
    select
        port_id,
        known_on as known_from,
        lead(known_on) over (partition by port_id order by known_on) as known_until,
        processed_on,
        donor_provider,
        recipient_provider,
        line_type
    from counted
)

select * from final
where processed_on is not null
