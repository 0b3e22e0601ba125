with events as (
    select * from {{ ref('stg_desk__dispute_events') }}
),

-- highest event_seq first; a status is known from the first delivery that told it
ranked as (
    select
        *,
        row_number() over (partition by dispute_id order by event_seq desc, dt desc) as recency,
        min(dt) over (partition by dispute_id, event_seq, status) as known_dt,
        min(status_at) over (partition by dispute_id) as opened_at
    from events
),

-- a payment may be disputed more than once: the latest verdict counts, an undecided dispute only where there is none
disputes as (
    select
        *,
        row_number() over (
            partition by payment_id
            order by case when status = 'OPENED' then 1 else 0 end, status_at desc, dispute_id desc
        ) as precedence
    from ranked
    where recency = 1
),

per_payment as (
    select
        payment_id,
        count(*) as disputes,
        min(opened_at) as first_disputed_at,
        cast(sum(refunded_amount) as bigint) as refunded_amount
    from disputes
    group by payment_id
),

final as (
    select
        disputes.payment_id,
        disputes.status as dispute_status,
        case when disputes.status <> 'OPENED' then disputes.status end as verdict,
        case when disputes.status <> 'OPENED' then disputes.status_at end as verdict_at,
        case when disputes.status <> 'OPENED' then disputes.known_dt end as verdict_dt,
        per_payment.disputes,
        per_payment.first_disputed_at,
        per_payment.refunded_amount
    from disputes
    inner join per_payment on disputes.payment_id = per_payment.payment_id
    where disputes.precedence = 1
)

select * from final
