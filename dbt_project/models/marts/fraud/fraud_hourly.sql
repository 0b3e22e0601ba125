with payment_hours as (
    select * from {{ ref('payment_hourly') }}
),

flagged as (
    select * from {{ ref('int_flagged_payment') }}
),

flagged_hours as (
    select
        occurred_on,
        cast(hour(occurred_at) as bigint) as hour_of_day,
        product,
        {{ flagged_measures() }}
    from flagged
    group by occurred_on, hour(occurred_at), product
),

final as (
    select
        payment_hours.occurred_on as date_day,
        payment_hours.hour_of_day,
        payment_hours.product,
        payment_hours.payments,
        payment_hours.payers,
        {{ flagged_measures_of('flagged_hours') }}
    from payment_hours
    left join flagged_hours
        on
            payment_hours.occurred_on = flagged_hours.occurred_on
            and payment_hours.hour_of_day = flagged_hours.hour_of_day
            and payment_hours.product = flagged_hours.product
)

select * from final
