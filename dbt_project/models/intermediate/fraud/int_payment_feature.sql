{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
    meta={'consumes': ['payments']},
) }}

{%- set latest = ref('int_payment_latest') -%}
{%- if is_incremental() -%}
    {%- do touch('payment_id', payments_beside_delivered(latest)) -%}
{%- endif %}

with payments as (
    select
        *,
        date_trunc('hour', occurred_at) as occurred_hour
    from {{ latest }}
),

judged as (
    select * from payments
    where {{ is_touched('payment_id') }}
),

-- everything that the judged numbers ever paid: a payment is held against what was delivered by its first delivery
histories as (
    select * from payments
    {% if is_incremental() -%}
        where number_key in (select judged.number_key from judged)
    {%- endif %}
),

habits as (
    select
        payment_id,
        row_number() over (
            partition by number_key order by first_dt, occurred_at, payment_id
        ) - 1 as earlier_payments,
        row_number() over (
            partition by number_key, merchant_id order by first_dt, occurred_at, payment_id
        ) - 1 as earlier_at_merchant,
        row_number() over (
            partition by number_key, merchant_category order by first_dt, occurred_at, payment_id
        ) - 1 as earlier_in_category,
        row_number() over (
            partition by number_key, auth_method order by first_dt, occurred_at, payment_id
        ) - 1 as earlier_by_method,
        {{ seconds_between('lag(occurred_at) over by_time', 'occurred_at') }} <= 3600
        or {{ seconds_between('occurred_at', 'lead(occurred_at) over by_time') }} <= 3600 as has_neighbour
    from histories
    window by_time as (partition by number_key order by occurred_at)
),

-- the few that have another payment of the number within the hour, before or after
close_payments as (
    select histories.*
    from histories
    inner join habits on histories.payment_id = habits.payment_id
    where habits.has_neighbour
),

neighbours as (
    select
        payment.payment_id,
        abs({{ seconds_between('other.occurred_at', 'payment.occurred_at') }}) as seconds,
        other.denied_dt <= payment.first_dt and other.occurred_at <= payment.occurred_at as is_refused_before
    from close_payments as payment
    inner join close_payments as other
        on
            payment.number_key = other.number_key
            and payment.payment_id <> other.payment_id
            and payment.first_dt >= other.first_dt
            and abs({{ seconds_between('other.occurred_at', 'payment.occurred_at') }}) <= 3600
),

bursts as (
    select
        payment_id,
        {{ sorted_values('seconds') }} as neighbour_seconds,
        {{ sorted_values('seconds') }} filter (where is_refused_before) as refused_seconds
    from neighbours
    group by payment_id
),

-- what each merchant took by day of first delivery; logarithms as whole thousandths, whose sums are exact in any order
takings as (
    select
        merchant_id,
        first_dt,
        count(*) as payments,
        sum({{ thousandths_of_log('amount') }}) as log_amount
    from payments
    {% if is_incremental() -%}
        where
            merchant_id in (select judged.merchant_id from judged)
            and first_dt >= (select cast(min(judged.first_dt) - interval 30 day as date) from judged)
    {%- endif %}
    group by merchant_id, first_dt
),

usual_amounts as (
    select
        merchant_id,
        first_dt,
        sum(payments) over thirty_days as earlier_payments,
        exp(sum(log_amount) over thirty_days / sum(payments) over thirty_days / 1000.0) as usual_amount
    from takings
    window thirty_days as (
        partition by merchant_id order by first_dt
        range between interval 30 day preceding and interval 1 day preceding
    )
),

-- places where more than one number paid within the hour
crowds as (
    select
        cell_id,
        merchant_id,
        occurred_hour
    from payments
    where
        cell_id is not null
        {% if is_incremental() -%}
            and occurred_hour in (select judged.occurred_hour from judged)
        {%- endif %}
    group by cell_id, merchant_id, occurred_hour
    having min(number_key) <> max(number_key)
),

crowd_members as (
    select
        payments.cell_id,
        payments.merchant_id,
        payments.occurred_hour,
        payments.number_key,
        min(payments.cell_dt) as joined_dt
    from payments
    inner join crowds
        on
            payments.cell_id = crowds.cell_id
            and payments.merchant_id = crowds.merchant_id
            and payments.occurred_hour = crowds.occurred_hour
    group by payments.cell_id, payments.merchant_id, payments.occurred_hour, payments.number_key
),

crowd_sizes as (
    select
        judged.payment_id,
        count(*) as crowd_numbers
    from judged
    inner join crowd_members
        on
            judged.cell_id = crowd_members.cell_id
            and judged.merchant_id = crowd_members.merchant_id
            and judged.occurred_hour = crowd_members.occurred_hour
            and judged.cell_dt >= crowd_members.joined_dt
    group by judged.payment_id
),

final as (
    select
        judged.payment_id,
        judged.number_key,
        judged.merchant_id,
        judged.merchant_category,
        judged.cell_id,
        judged.auth_method,
        judged.is_ars_call_complete,
        judged.amount,
        judged.monthly_limit,
        judged.limit_raised_at,
        judged.status = 'DENIED' as is_denied,
        judged.occurred_at,
        judged.occurred_hour,
        judged.first_dt,
        judged.last_dt,
        judged.cell_dt,
        judged.ars_incomplete_dt,
        judged.limit_raised_dt,
        habits.earlier_payments,
        habits.earlier_at_merchant,
        habits.earlier_in_category,
        habits.earlier_by_method,
        bursts.neighbour_seconds,
        bursts.refused_seconds,
        coalesce(crowd_sizes.crowd_numbers, 1) as crowd_numbers,
        cast(coalesce(usual_amounts.earlier_payments, 0) as bigint) as merchant_payments,
        cast(round(usual_amounts.usual_amount) as bigint) as merchant_usual_amount
    from judged
    inner join habits on judged.payment_id = habits.payment_id
    left join bursts on judged.payment_id = bursts.payment_id
    left join crowd_sizes on judged.payment_id = crowd_sizes.payment_id
    left join usual_amounts
        on
            judged.merchant_id = usual_amounts.merchant_id
            and judged.first_dt = usual_amounts.first_dt
)

select * from final
