with payments as (
    select * from {{ ref('fct_payment') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
    where verdict = 'CONFIRMED_FRAUD'
),

final as (
    select
        payments.*,
        cast(date_trunc('month', payments.occurred_on) as date) as month,
        coalesce(payments.line_key, payments.number_key) as party_key
    from payments
    inner join verdicts on payments.payment_id = verdicts.payment_id
)

select * from final
