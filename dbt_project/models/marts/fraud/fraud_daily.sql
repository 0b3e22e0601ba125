with payment_days as (
    select * from {{ ref('payment_daily') }}
),

flagged as (
    select * from {{ ref('int_flagged_payment') }}
),

flagged_days as (
    select
        occurred_on,
        product,
        auth_method,
        merchant_category,
        region_code,
        {{ flagged_measures() }}
    from flagged
    group by occurred_on, product, auth_method, merchant_category, region_code
),

final as (
    select
        payment_days.occurred_on as date_day,
        payment_days.product,
        payment_days.auth_method,
        payment_days.merchant_category,
        payment_days.region_code,
        payment_days.payments,
        payment_days.payers,
        {{ flagged_measures_of('flagged_days') }}
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
