{{ config(materialized='view') }}

with disputes as (
    select * from {{ ref('stg_desk__dispute_events') }}
),

dispositions as (
    select * from {{ ref('stg_desk__dispositions') }}
),

-- each stands until it is delivered again; the desk's decision on a case speaks of the payment that opened it
told as (
    select
        payment_id,
        case when status <> 'OPENED' then status = 'CONFIRMED_FRAUD' end as is_fraud,
        status_at as decided_at,
        false as is_desk,
        dispute_id as told_of,
        event_seq,
        dt as told_from,
        lead(dt) over (partition by dispute_id, event_seq order by dt) as told_to
    from disputes
    union all
    select
        {{ payment_of_case('case_id') }} as payment_id,
        case when disposition <> 'WATCH' then disposition = 'CONFIRMED' end as is_fraud,
        decided_at,
        true as is_desk,
        case_id as told_of,
        0 as event_seq,
        dt as told_from,
        lead(dt) over (partition by case_id, decided_at order by dt) as told_to
    from dispositions
    where {{ is_case_of_payment('case_id') }}
),

decisions as (
    select * from told
    where is_fraud is not null
),

moments as (
    select
        payment_id,
        told_from as dt
    from decisions
    union all
    select
        payment_id,
        told_to as dt
    from decisions
    where told_to is not null
),

-- of the decisions that stand by a day, the latest counts
known as (
    select
        moments.payment_id,
        moments.dt,
        {{ last_by(
            'decisions.is_fraud',
            '(decisions.decided_at, decisions.is_desk, decisions.told_of, decisions.event_seq)',
        ) }} as is_fraud
    from moments
    left join decisions
        on
            moments.payment_id = decisions.payment_id
            and moments.dt >= decisions.told_from
            and moments.dt < coalesce(decisions.told_to, date '9999-12-31')
    group by moments.payment_id, moments.dt
),

changes as (
    select * from known
    qualify is_fraud is distinct from lag(is_fraud) over (partition by payment_id order by dt)
),

intervals as (
    select
        payment_id,
        is_fraud,
        dt as known_from,
        lead(dt) over (partition by payment_id order by dt) as known_to
    from changes
),

final as (
    select
        payment_id,
        known_from,
        known_to
    from intervals
    where is_fraud
)

select * from final
