{#-
A card is a line, or a number where billing has no line. Who was never defrauded only takes places, so that his are
counted here and left out. Of the score, the cards of the day's twenty times as many payments as the desk looks at.
-#}
with candidates as (
    select payments.*
    from {{ ref('int_challenger_payment') }} as payments
    cross join {{ ref('int_dispute_horizon') }} as horizon
    where
        payments.points > 0
        or payments.is_fraud
        or payments.rank_of_day <= 20 * horizon.cases_per_day
),

horizon as (
    select * from {{ ref('int_dispute_horizon') }}
),

paid as (
    select
        candidates.*,
        coalesce(payments.line_key, payments.number_key) as party_key,
        bool_or(candidates.is_fraud) over (
            partition by candidates.told_on, coalesce(payments.line_key, payments.number_key)
        ) as is_defrauded
    from candidates
    inner join {{ ref('fct_payment') }} as payments on candidates.payment_id = payments.payment_id
),

given as (
    select
        'RULES' as detector,
        told_on,
        party_key,
        payment_id,
        points as strength,
        is_defrauded
    from paid
    where points > 0
    union all
    select
        'SCORE' as detector,
        paid.told_on,
        paid.party_key,
        paid.payment_id,
        paid.probability as strength,
        paid.is_defrauded
    from paid
    cross join horizon
    where paid.rank_of_day <= 20 * horizon.cases_per_day
),

cards as (
    select
        detector,
        told_on,
        party_key,
        is_defrauded,
        max(strength) as strength,
        min(payment_id) as first_payment_id
    from given
    group by detector, told_on, party_key, is_defrauded
),

defrauded as (
    select distinct party_key
    from cards
    where is_defrauded
),

placed as (
    select
        *,
        row_number() over (
            partition by detector, told_on
            order by strength desc, first_payment_id asc
        ) as place
    from cards
),

final as (
    select
        placed.detector,
        placed.told_on,
        placed.party_key,
        placed.place,
        placed.is_defrauded
    from placed
    inner join defrauded on placed.party_key = defrauded.party_key
)

select * from final
