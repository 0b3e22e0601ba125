with payment_days as (
    select * from {{ ref('payment_daily') }}
),

alerts as (
    select * from {{ ref('alert') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

verdicts as (
    select * from {{ ref('int_payment_verdict') }}
),

lines as (
    select * from {{ ref('dim_line') }}
),

-- what we suspect and what a verdict confirmed are counted beside each other, never as one
suspected as (
    select
        payment_id,
        1 as alerts,
        0 as confirmed
    from alerts
    union all
    select
        payment_id,
        0 as alerts,
        1 as confirmed
    from verdicts
    where verdict = 'CONFIRMED_FRAUD'
),

flagged as (
    select
        payments.payment_id,
        payments.line_key,
        payments.occurred_at,
        payments.occurred_on,
        payments.product,
        payments.auth_method,
        payments.merchant_category,
        payments.amount,
        sum(suspected.alerts) as alerts,
        sum(suspected.confirmed) as confirmed
    from suspected
    inner join payments on suspected.payment_id = payments.payment_id
    group by all
),

flagged_days as (
    select
        flagged.occurred_on,
        flagged.product,
        flagged.auth_method,
        flagged.merchant_category,
        coalesce(lines.region_code, 'UNKNOWN') as region_code,
        sum(flagged.alerts) as alerts,
        sum(flagged.alerts * flagged.amount) as alerted_amount,
        sum(flagged.confirmed) as confirmed,
        sum(flagged.confirmed * flagged.amount) as confirmed_amount
    from flagged
    left join lines
        on
            flagged.line_key = lines.line_key
            and {{ valid_at('lines', 'flagged.occurred_at') }}
    group by
        flagged.occurred_on,
        flagged.product,
        flagged.auth_method,
        flagged.merchant_category,
        coalesce(lines.region_code, 'UNKNOWN')
),

final as (
    select
        payment_days.occurred_on as date_day,
        payment_days.product,
        payment_days.auth_method,
        payment_days.merchant_category,
        payment_days.region_code,
        payment_days.payments,
        payment_days.payments_succeeded,
        payment_days.amount,
        payment_days.payments_with_line,
        cast(coalesce(flagged_days.alerts, 0) as bigint) as alerts,
        cast(coalesce(flagged_days.alerted_amount, 0) as bigint) as alerted_amount,
        cast(coalesce(flagged_days.confirmed, 0) as bigint) as confirmed,
        cast(coalesce(flagged_days.confirmed_amount, 0) as bigint) as confirmed_amount
    from payment_days
    left join flagged_days
        on
            payment_days.occurred_on = flagged_days.occurred_on
            and payment_days.product = flagged_days.product
            and payment_days.auth_method = flagged_days.auth_method
            and payment_days.merchant_category = flagged_days.merchant_category
            and payment_days.region_code = flagged_days.region_code
)

select * from final
