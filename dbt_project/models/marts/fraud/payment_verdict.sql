with disputes as (
    select * from {{ ref('int_payment_verdict') }}
),

dispositions as (
    select
        *,
        {{ payment_of_case('case_id') }} as opened_by,
        min(dt) over (partition by case_id, decided_at) as first_dt,
        min(dt) over (partition by case_id, decided_at, disposition) as verdict_dt
    from {{ ref('stg_desk__dispositions') }}
    where {{ is_case_of_payment('case_id') }}
    -- of a decision that was delivered more than once, the latest delivery
    qualify row_number() over (partition by case_id, decided_at order by dt desc) = 1
),

alerts as (
    select * from {{ ref('int_alert') }}
),

-- a decision on a case speaks of the payment that opened it, and of what else was in the case by then
members as (
    select
        dispositions.opened_by as payment_id,
        dispositions.disposition,
        dispositions.decided_at,
        dispositions.verdict_dt
    from dispositions
    union
    select
        other.payment_id,
        dispositions.disposition,
        dispositions.decided_at,
        dispositions.verdict_dt
    from dispositions
    inner join alerts as opening on dispositions.opened_by = opening.payment_id
    inner join alerts as other
        on
            opening.case_id = other.case_id
            and dispositions.first_dt >= other.first_alerted_dt
),

decisions as (
    select
        payment_id,
        verdict,
        verdict_at,
        verdict_dt,
        'DISPUTE' as decided_by
    from disputes
    where verdict is not null
    union all
    select
        payment_id,
        case disposition when 'CONFIRMED' then 'CONFIRMED_FRAUD' else 'REJECTED' end as verdict,
        decided_at as verdict_at,
        verdict_dt,
        'DESK' as decided_by
    from members
    where disposition <> 'WATCH'
),

final as (
    select * from decisions
    qualify row_number() over (
            partition by payment_id order by verdict_at desc, decided_by asc, verdict asc, verdict_dt asc
        ) = 1
)

select * from final
