{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
) }}

{#- Read where they are needed, column by column: a CTE over all payments would be copied whole. -#}
{%- set latest = ref('int_payment_latest') -%}
{%- set touched = ref('int_payment_feature__touched') -%}
{%- set payments = '(select * from ' ~ latest ~ ' where ' ~ is_touched('payment_id', touched) ~ ') as payments' -%}
{%- set window_seconds = 60 * (minutes_beside_a_payment() | int) -%}
{%- set by_time = '(partition by number_key order by occurred_at)' -%}
{%- set of_judged_numbers = 'true' -%}
{%- if is_incremental() -%}
    {%- set of_judged_numbers = 'number_key in (select payments.number_key from ' ~ payments ~ ')' -%}
{%- endif %}

-- everything that the judged numbers ever paid: a payment is held against what was delivered by its first delivery
with habits as (
    {% for part in parts_of(latest, 'number_key') %}
        select
            *,
            nth - 1 as earlier_payments,
            row_number() over (partition by number_key, merchant_id order by nth) - 1 as earlier_at_merchant,
            row_number() over (partition by number_key, merchant_category order by nth) - 1 as earlier_in_category,
            row_number() over (partition by number_key, auth_method order by nth) - 1 as earlier_by_method
        from (
            select
                payment_id,
                number_key,
                merchant_id,
                merchant_category,
                cell_id,
                auth_method,
                is_ars_call_complete,
                amount,
                monthly_limit,
                limit_raised_at,
                status = 'DENIED' as is_denied,
                occurred_at,
                {{ start_of_hour('occurred_at') }} as occurred_hour,
                first_dt,
                last_dt,
                cell_dt,
                ars_incomplete_dt,
                limit_raised_dt,
                row_number() over (partition by number_key order by first_dt, occurred_at, payment_id) as nth
            from {{ latest }}
            where
                {{ part }}
                and {{ of_judged_numbers }}
        ) as histories
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

judged as (
    select * from habits
    where {{ is_touched('payment_id', touched) }}
),

-- the few that have another payment of the number within the hour, before or after
close_payments as (
    {% for part in parts_of(latest, 'number_key') %}
        select
            payment_id,
            number_key,
            occurred_at,
            first_dt,
            denied_dt
        from {{ latest }}
        where
            {{ part }}
            and {{ of_judged_numbers }}
        qualify
            {{ seconds_between('lag(occurred_at) over ' ~ by_time, 'occurred_at') }} <= {{ window_seconds }}
            or {{ seconds_between('occurred_at', 'lead(occurred_at) over ' ~ by_time) }} <= {{ window_seconds }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
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
            and abs({{ seconds_between('other.occurred_at', 'payment.occurred_at') }}) <= {{ window_seconds }}
),

bursts as (
    select
        payment_id,
        {{ sorted_values('seconds') }} as neighbour_seconds,
        {{ sorted_values('case when is_refused_before then seconds end') }} as refused_seconds
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
    from {{ latest }}
    {% if is_incremental() -%}
        where
            merchant_id in (select payments.merchant_id from {{ payments }})
            and first_dt >= (select cast(min(payments.first_dt) - interval 30 day as date) from {{ payments }})
    {%- endif %}
    group by merchant_id, first_dt
),

usual_amounts as (
    select
        merchant_id,
        first_dt,
        sum(payments) over thirty_days as earlier_payments,
        exp(sum(log_amount) over thirty_days / sum(payments) over thirty_days / 1000e0) as usual_amount
    from takings
    window thirty_days as (
        partition by merchant_id order by first_dt
        range between interval 30 day preceding and interval 1 day preceding
    )
),

-- places where more than one number paid within the hour
crowds as (
    {% for part in parts_of(latest, 'cell_id') %}
        select
            cell_id,
            merchant_id,
            {{ start_of_hour('occurred_at') }} as occurred_hour
        from {{ latest }}
        where
            {{ part }}
            and cell_id is not null
            {% if is_incremental() -%}
                and {{ start_of_hour('occurred_at') }} in (
                    select {{ start_of_hour('payments.occurred_at') }} from {{ payments }}
                )
            {%- endif %}
        group by cell_id, merchant_id, {{ start_of_hour('occurred_at') }}
        having min(number_key) <> max(number_key)
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

crowd_payments as (
    select
        crowds.*,
        payments.payment_id,
        payments.number_key,
        payments.cell_dt
    from {{ latest }} as payments
    inner join crowds
        on
            payments.cell_id = crowds.cell_id
            and payments.merchant_id = crowds.merchant_id
            and {{ start_of_hour('payments.occurred_at') }} = crowds.occurred_hour
),

crowd_members as (
    select
        cell_id,
        merchant_id,
        occurred_hour,
        number_key,
        min(cell_dt) as joined_dt
    from crowd_payments
    group by cell_id, merchant_id, occurred_hour, number_key
),

crowd_sizes as (
    select
        crowd_payments.payment_id,
        count(*) as crowd_numbers
    from crowd_payments
    inner join crowd_members
        on
            crowd_payments.cell_id = crowd_members.cell_id
            and crowd_payments.merchant_id = crowd_members.merchant_id
            and crowd_payments.occurred_hour = crowd_members.occurred_hour
            and crowd_payments.cell_dt >= crowd_members.joined_dt
    group by crowd_payments.payment_id
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
        judged.is_denied,
        judged.occurred_at,
        judged.occurred_hour,
        judged.first_dt,
        judged.last_dt,
        judged.cell_dt,
        judged.ars_incomplete_dt,
        judged.limit_raised_dt,
        judged.earlier_payments,
        judged.earlier_at_merchant,
        judged.earlier_in_category,
        judged.earlier_by_method,
        bursts.neighbour_seconds,
        bursts.refused_seconds,
        coalesce(crowd_sizes.crowd_numbers, 1) as crowd_numbers,
        cast(coalesce(usual_amounts.earlier_payments, 0) as bigint) as merchant_payments,
        cast(round(usual_amounts.usual_amount) as bigint) as merchant_usual_amount
    from judged
    left join bursts on judged.payment_id = bursts.payment_id
    left join crowd_sizes on judged.payment_id = crowd_sizes.payment_id
    left join usual_amounts
        on
            judged.merchant_id = usual_amounts.merchant_id
            and judged.first_dt = usual_amounts.first_dt
)

select * from final
