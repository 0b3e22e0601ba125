with contacts as (
    {{ of_every_kind('int_contact', subject_kinds() + ['number']) }}
),

suspicions as (
    select * from {{ ref('int_suspicion') }}
    where listed_from < listed_to
),

payments as (
    select * from {{ ref('fct_payment') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

stopped as (
    select distinct contacts.payment_id
    from contacts
    inner join suspicions
        on
            contacts.case_id = suspicions.case_id
            and {{ list_day('contacts.contact_at') }} >= suspicions.listed_from
            and {{ list_day('contacts.contact_at') }} < suspicions.listed_to
    where contacts.payment_id is not null
),

final as (
    select
        payments.payment_id,
        payments.occurred_on,
        payments.amount,
        coalesce(payments.line_key, payments.number_key) as party_key,
        coalesce(verdicts.verdict = 'CONFIRMED_FRAUD', false) as is_confirmed
    from stopped
    inner join payments on stopped.payment_id = payments.payment_id
    left join verdicts on stopped.payment_id = verdicts.payment_id
)

select * from final
