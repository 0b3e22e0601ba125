{#- A week's model learns from what was known at the end of the Sunday before. -#}
with payments as (
    select
        first_dt,
        count(*) as payments
    from {{ ref('int_payment_latest') }}
    group by first_dt
),

labels as (
    select
        known.payment_id,
        known.known_from,
        coalesce(known.known_to, date '9999-12-31') as known_to,
        payments.first_dt
    from {{ ref('int_fraud_known') }} as known
    inner join {{ ref('int_payment_latest') }} as payments on known.payment_id = payments.payment_id
),

desks as (
    select * from {{ ref('desks') }}
    where desk = 'FRAUD'
),

weeks as (
    select distinct
        cast(date_trunc('week', first_dt) as date) as trained_for,
        cast(date_trunc('week', first_dt) as date) - 1 as known_to,
        cast(date_trunc('week', first_dt) as date) - {{ days_to_learn_from() | int }} as learn_from
    from payments
),

-- after how many days most frauds of the time had become known
waits as (
    select
        weeks.trained_for,
        {{ quantile(days_between('labels.first_dt', 'labels.known_from'), 0.9) }} as wait_days
    from weeks
    inner join labels
        on
            weeks.known_to >= labels.known_from
            and weeks.known_to < labels.known_to
            and weeks.learn_from <= labels.first_dt
    group by weeks.trained_for
),

matured as (
    select
        weeks.trained_for,
        weeks.known_to,
        weeks.learn_from,
        weeks.known_to - cast(greatest(1, least(waits.wait_days, desks.undisputed_after_days)) as integer) as matured_to
    from weeks
    inner join waits on weeks.trained_for = waits.trained_for
    cross join desks
),

frauds as (
    select
        matured.trained_for,
        count(*) as frauds
    from matured
    inner join labels
        on
            matured.known_to >= labels.known_from
            and matured.known_to < labels.known_to
            and labels.first_dt between matured.learn_from and matured.matured_to
    group by matured.trained_for
),

volumes as (
    select
        matured.trained_for,
        sum(payments.payments) as payments
    from matured
    inner join payments on payments.first_dt between matured.learn_from and matured.matured_to
    group by matured.trained_for
),

final as (
    select
        weeks.trained_for,
        weeks.known_to,
        weeks.learn_from,
        matured.matured_to,
        cast(coalesce(volumes.payments, 0) as bigint) as payments,
        coalesce(frauds.frauds, 0) as frauds,
        least(1e0, {{ payments_to_learn_from() | int }} / nullif(cast(volumes.payments as double), 0)) as sampled_share
    from weeks
    left join matured on weeks.trained_for = matured.trained_for
    left join volumes on weeks.trained_for = volumes.trained_for
    left join frauds on weeks.trained_for = frauds.trained_for
)

select * from final
