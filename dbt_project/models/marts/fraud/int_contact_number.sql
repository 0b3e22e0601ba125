with listed as (
    select
        case_id,
        number_key,
        min(listed_from) as since,
        max(listed_to) as until
    from {{ ref('int_suspicion') }}
    where
        subject_kind = 'NUMBER'
        and listed_from < listed_to
    group by case_id, number_key
),

payments as (
    select * from {{ ref('fct_payment') }}
),

final as (
    select
        listed.case_id,
        payments.number_key,
        payments.payment_id,
        payments.occurred_at as contact_at
    from payments
    inner join listed
        on
            payments.number_key = listed.number_key
            and payments.occurred_on >= listed.since
            and payments.occurred_on <= listed.until
)

select * from final
