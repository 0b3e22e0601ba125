{{ config(materialized='view') }}

with disputes as (
    select * from {{ ref('stg_desk__dispute_events') }}
),

dispositions as (
    select * from {{ ref('stg_desk__dispositions') }}
),

-- the desk's decision on a case speaks of the payment that opened it
decisions as (
    select
        payment_id,
        status = 'CONFIRMED_FRAUD' as is_fraud,
        status_at as decided_at,
        dt
    from disputes
    where status <> 'OPENED'
    union all
    select
        {{ payment_of_case('case_id') }} as payment_id,
        disposition = 'CONFIRMED' as is_fraud,
        decided_at,
        dt
    from dispositions
    where
        disposition <> 'WATCH'
        and {{ is_case_of_payment('case_id') }}
),

-- of the decisions delivered by a day, the latest counts
known as (
    select
        payment_id,
        dt,
        {{ last_by('is_fraud', 'decided_at') }} over (
            partition by payment_id order by dt
            range between unbounded preceding and current row
        ) as is_fraud
    from decisions
),

changes as (
    select distinct
        payment_id,
        dt,
        is_fraud
    from known
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
