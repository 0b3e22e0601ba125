with payments as (
    select * from {{ ref('int_payment_feature') }}
),

known as (
    select * from {{ ref('int_fraud_known') }}
),

frauds as (
    select
        payments.merchant_id as subject_key,
        known.known_from,
        known.known_to
    from known
    inner join payments on known.payment_id = payments.payment_id
),

doings as (
    select
        merchant_id as subject_key,
        first_dt as dt,
        count(*) as doings
    from payments
    where merchant_id in (select frauds.subject_key from frauds)
    group by merchant_id, first_dt
),

{{ turned_bad('MERCHANT', 'MERCHANT_TURNED_BAD') }}

select * from final
