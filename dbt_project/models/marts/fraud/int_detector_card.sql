with scored as (
    select * from {{ ref('int_detector_score') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
    where verdict = 'CONFIRMED_FRAUD'
),

payments as (
    select
        *,
        coalesce(line_key, number_key) as party_key
    from {{ ref('fct_payment') }}
),

defrauded as (
    select
        payments.occurred_on,
        payments.party_key
    from payments
    inner join verdicts on payments.payment_id = verdicts.payment_id
    group by payments.occurred_on, payments.party_key
),

cards as (
    select
        rule_id,
        version,
        occurred_on,
        party_key,
        max(score) as score,
        min(payment_id) as first_payment_id
    from scored
    group by rule_id, version, occurred_on, party_key
),

final as (
    select
        cards.*,
        defrauded.party_key is not null as is_fraud
    from cards
    left join defrauded
        on
            cards.occurred_on = defrauded.occurred_on
            and cards.party_key = defrauded.party_key
)

select * from final
