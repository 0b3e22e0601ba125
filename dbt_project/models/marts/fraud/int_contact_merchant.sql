with suspects as (
    select
        suspicions.case_id,
        suspicions.subject_key,
        min(suspicions.known_on - reasons.days) as since
    from {{ ref('int_suspicion_merchant') }} as suspicions
    inner join {{ ref('suspicion_reasons') }} as reasons
        on
            suspicions.reason = reasons.reason
            and suspicions.subject_kind = reasons.subject_kind
    group by suspicions.case_id, suspicions.subject_key
),

payments as (
    select * from {{ ref('fct_payment') }}
),

final as (
    select
        suspects.case_id,
        payments.number_key,
        payments.payment_id,
        payments.occurred_at as contact_at
    from payments
    inner join suspects
        on
            payments.merchant_id = suspects.subject_key
            and payments.occurred_on >= suspects.since
)

select * from final
