with sold as (
    select * from {{ ref('int_dealer_number') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

known as (
    select * from {{ ref('int_fraud_known') }}
),

-- a number counts once, from the first fraud on it that became known
frauds as (
    select
        sold.dealer_code as subject_key,
        sold.number_key,
        min(known.known_from) as known_from,
        case when count(*) = count(known.known_to) then max(known.known_to) end as known_to
    from known
    inner join payments on known.payment_id = payments.payment_id
    inner join sold
        on
            payments.number_key = sold.number_key
            and payments.occurred_on >= sold.sold_on
            and payments.occurred_on < sold.answered_to
    group by sold.dealer_code, sold.number_key
),

doings as (
    select
        dealer_code as subject_key,
        sold_on as dt,
        count(*) as doings
    from sold
    where dealer_code in (select frauds.subject_key from frauds)
    group by dealer_code, sold_on
),

{{ turned_bad('DEALER', 'DEALER_TURNED_BAD') }}

select * from final
