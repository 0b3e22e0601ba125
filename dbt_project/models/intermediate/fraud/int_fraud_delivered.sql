{{ config(materialized='view') }}

with disputes as (
    select * from {{ ref('stg_desk__dispute_event_revisions') }}
),

dispositions as (
    select * from {{ ref('stg_desk__disposition_revisions') }}
),

revisions as (
    select * from {{ ref('int_revision_in_force') }}
),

-- the desk's decision on a case speaks of the payment that opened it
told as (
    select
        'payment_disputes' as feed,
        dt,
        rev,
        payment_id,
        case when status <> 'OPENED' then status = 'CONFIRMED_FRAUD' end as is_fraud,
        status_at as decided_at,
        false as is_desk,
        dispute_id as told_of,
        event_seq
    from disputes
    union all
    select
        'alert_dispositions' as feed,
        dt,
        rev,
        {{ payment_of_case('case_id') }} as payment_id,
        case when disposition <> 'WATCH' then disposition = 'CONFIRMED' end as is_fraud,
        decided_at,
        true as is_desk,
        case_id as told_of,
        {{ epoch_seconds('decided_at') }} as event_seq
    from dispositions
    where {{ is_case_of_payment('case_id') }}
),

decisions as (
    select
        told.payment_id,
        told.dt,
        told.is_fraud,
        told.decided_at,
        told.is_desk,
        told.told_of,
        told.event_seq,
        revisions.known_from,
        revisions.known_until
    from told
    inner join revisions
        on
            told.feed = revisions.feed
            and told.dt = revisions.dt
            and told.rev = revisions.rev
),

moments as (
    select
        payment_id,
        known_from as known_on
    from decisions
    union
    select
        payment_id,
        known_until as known_on
    from decisions
),

-- of one that was delivered again under a later day, the latter stands
standing as (
    select
        moments.payment_id,
        moments.known_on,
        decisions.is_fraud,
        decisions.decided_at,
        decisions.is_desk,
        decisions.told_of,
        decisions.event_seq
    from moments
    left join decisions
        on
            moments.payment_id = decisions.payment_id
            and moments.known_on >= decisions.known_from
            and moments.known_on < decisions.known_until
    qualify row_number() over (
            partition by
                moments.payment_id, moments.known_on, decisions.is_desk, decisions.told_of, decisions.event_seq
            order by decisions.dt desc, decisions.decided_at desc
        ) = 1
),

-- of the decisions that stand at the end of a day, the latest counts
states as (
    select
        payment_id,
        known_on,
        coalesce({{ last_by('is_fraud', '(decided_at, is_desk, told_of, event_seq)') }}, false) as is_fraud
    from standing
    group by payment_id, known_on
),

changes as (
    select * from states
    qualify is_fraud is distinct from lag(is_fraud) over (partition by payment_id order by known_on)
),

intervals as (
    select
        payment_id,
        is_fraud,
        known_on as known_from,
        lead(known_on) over (partition by payment_id order by known_on) as known_until
    from changes
),

final as (
    select
        payment_id,
        known_from,
        coalesce(known_until, date '9999-12-31') as known_until
    from intervals
    where is_fraud
)

select * from final
