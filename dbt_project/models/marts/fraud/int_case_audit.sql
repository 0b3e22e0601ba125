{#- A payment drawn by chance is a case of its own, until something suspects it: then it is in that case. -#}
with audits as (
    select * from {{ ref('int_audit_payment') }}
    where not is_alerted_since
),

payments as (
    select * from {{ ref('fct_payment') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

disputes as (
    select * from {{ ref('int_payment_verdict') }}
),

final as (
    select
        {{ case_of_payment('audits.payment_id') }} as case_id,
        'AUDIT' as subject_kind,
        cast(null as string) as subject_key,
        payments.line_key,
        payments.number_key,
        payments.cell_id,
        audits.drawn_dt + 1 as opened_on,
        audits.drawn_dt + 1 as last_alerted_on,
        payments.occurred_at as first_payment_at,
        payments.occurred_at as last_payment_at,
        payments.occurred_on as last_evidence_on,
        cast(0 as bigint) as alerts,
        cast(0 as bigint) as alerts_decided,
        cast(0 as bigint) as alerts_confirmed,
        cast(1 as bigint) as numbers_exposed,
        cast(1 as bigint) as payments_since,
        cast(0 as bigint) as amount,
        {{ lost_amount('payments', 'disputes') }} as lost_amount,
        cast(0 as bigint) as tomorrow_amount,
        cast(0 as bigint) as score,
        'AUDIT' as reasons,
        cast(0 as bigint) as opening_priority,
        verdicts.payment_id is null as is_undecided
    from audits
    inner join payments on audits.payment_id = payments.payment_id
    left join verdicts on audits.payment_id = verdicts.payment_id
    left join disputes on audits.payment_id = disputes.payment_id
)

select * from final
