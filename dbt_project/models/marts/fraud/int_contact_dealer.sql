with suspects as (
    select
        suspicions.case_id,
        suspicions.subject_key,
        min(suspicions.known_on - reasons.days) as since
    from {{ ref('int_suspicion_dealer') }} as suspicions
    inner join {{ ref('suspicion_reasons') }} as reasons
        on
            suspicions.reason = reasons.reason
            and suspicions.subject_kind = reasons.subject_kind
    group by suspicions.case_id, suspicions.subject_key
),

sold as (
    select
        suspects.case_id,
        numbers.number_key,
        numbers.sold_on,
        numbers.answered_to
    from {{ ref('int_dealer_number') }} as numbers
    inner join suspects
        on
            numbers.dealer_code = suspects.subject_key
            and numbers.sold_on >= suspects.since
),

payments as (
    select * from {{ ref('fct_payment') }}
    where number_key in (select sold.number_key from sold)
),

final as (
    select
        case_id,
        number_key,
        cast(null as string) as payment_id,
        {{ start_of_day('sold_on') }} as contact_at
    from sold
    union all
    select
        sold.case_id,
        sold.number_key,
        payments.payment_id,
        payments.occurred_at as contact_at
    from payments
    inner join sold
        on
            payments.number_key = sold.number_key
            and payments.occurred_on >= sold.sold_on
            and payments.occurred_on < sold.answered_to
)

select * from final
