{#-
A payment counts from when it happened, or, if it was told late, from the beginning of the day whose delivery first told
it: in the order of `known_s` (seconds), whatever comes before a payment was known when it was.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='first_dt',
    meta={'last_good': ['int_number_change', 'int_subscription_interval']},
) }}

{%- set latest = ref('int_payment_latest') -%}
{%- set touched = ref('int_number_habit__touched') -%}
{%- set habit_days = days_of_a_numbers_habits() | int -%}
{%- set is_judged = is_touched('first_dt', touched) -%}
{%- set of_judged_numbers = 'true' -%}
{%- if is_incremental() -%}
    {%- set of_judged_numbers -%}
        number_key in (select judged.number_key from {{ latest }} as judged where {{ is_judged }})
        and first_dt >= (select min(touched.first_dt) - {{ habit_days + 31 }} from {{ touched }} as touched)
    {%- endset -%}
{%- endif %}

with payments as (
    select
        *,
        coalesce(refused_dt <= first_dt, false) as is_refused,
        {{ epoch_seconds(known_at('occurred_at', 'first_dt')) }} as known_s
    from {{ latest }}
    where {{ of_judged_numbers }}
),

-- payments, and what was told of them on a later day: that they failed, or that they were still pending the day after
events as (
    select
        number_key,
        payment_id,
        first_dt,
        known_s,
        case when not is_refused then amount end as amount,
        cast(is_refused as integer) as is_failed,
        0 as is_abandoned
    from payments
    union all
    select
        number_key,
        cast(null as string) as payment_id,
        refused_dt as first_dt,
        {{ epoch_seconds(start_of_day('refused_dt')) }} as known_s,
        cast(null as bigint) as amount,
        1 as is_failed,
        0 as is_abandoned
    from payments
    where refused_dt > first_dt and refused_dt <= first_dt + 30
    union all
    select
        number_key,
        cast(null as string) as payment_id,
        first_dt + 1 as first_dt,
        {{ epoch_seconds(start_of_day('first_dt + 1')) }} as known_s,
        cast(null as bigint) as amount,
        0 as is_failed,
        1 as is_abandoned
    from payments
    where coalesce(ended_dt > first_dt + 1, true)
),

counted as (
    {% for part in parts_of(latest, 'number_key') %}
        -- within a union a window's name may stand once; each subquery has its own
        select *
        from (
            select
                *,
                {%- for days in feature_windows() %}
                    count(amount) over last_{{ days }}d as payments_{{ days }}d,
                    sum(amount) over last_{{ days }}d as amount_{{ days }}d,
                    max(amount) over last_{{ days }}d as largest_{{ days }}d,
                {%- endfor %}
                sum(is_failed) over last_1d as failed_1d,
                sum(is_failed) over last_7d as failed_7d,
                sum(is_abandoned) over last_7d as abandoned_7d,
                count(amount) over before_it as earlier_payments,
                avg(amount) over before_it as usual_amount,
                max(case when amount is not null then known_s end) over before_it as previous_s,
                sum(amount) over this_month as amount_of_month
            from events
            where {{ part }}
            window
                {%- for days in feature_windows() %}
                    last_{{ days }}d as (
                        partition by number_key order by known_s
                        range between {{ 86400 * days }} preceding and current row
                    ),
                {%- endfor %}
                before_it as (
                    partition by number_key order by known_s
                    range between {{ 86400 * habit_days }} preceding and 1 preceding
                ),
                this_month as (
                    partition by number_key, date_trunc('month', first_dt) order by known_s
                    range between unbounded preceding and current row
                )
        ) as part
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

judged as (
    select
        payments.payment_id,
        payments.number_key,
        payments.line_key,
        payments.first_dt,
        payments.occurred_at,
        payments.monthly_limit
    from payments
    where {{ is_judged }}
),

-- what had been told of the number by then
told as (
    select
        number_key,
        dt,
        changed_at,
        kind
    from {{ ref('int_number_change') }}
    where number_key in (select judged.number_key from judged)
),

changed as (
    select
        judged.payment_id,
        max(told.changed_at) filter (where told.kind = 'PORT_IN') as ported_in_at,
        max(told.changed_at) filter (where told.kind = 'SIM_CHANGE') as sim_changed_at
    from judged
    inner join told
        on
            judged.number_key = told.number_key
            and judged.first_dt >= told.dt
            and judged.occurred_at >= told.changed_at
    group by judged.payment_id
),

defrauded as (
    select
        judged.payment_id,
        count(*) as frauds_30d
    from judged
    inner join {{ ref('int_payment_latest') }} as frauds on judged.number_key = frauds.number_key
    inner join {{ ref('int_fraud_known') }} as known on frauds.payment_id = known.payment_id
    where
        -- a verdict may be told before the payment
        greatest(known.known_from, frauds.first_dt) <= judged.first_dt
        and greatest(known.known_from, frauds.first_dt) > judged.first_dt - 30
        and judged.first_dt < coalesce(known.known_to, date '9999-12-31')
    group by judged.payment_id
),

rejections as (
    select
        payments.number_key,
        disputes.payment_id,
        min(disputes.dt) as rejected_dt
    from {{ ref('stg_desk__dispute_events') }} as disputes
    inner join {{ ref('int_payment_latest') }} as payments on disputes.payment_id = payments.payment_id
    where disputes.status = 'REJECTED'
    group by payments.number_key, disputes.payment_id
),

disputers as (
    select
        judged.payment_id,
        count(*) as rejected_disputes
    from judged
    inner join rejections on judged.number_key = rejections.number_key
    where
        rejections.rejected_dt <= judged.first_dt
        and rejections.rejected_dt > judged.first_dt - {{ days_of_rejected_disputes() | int }}
    group by judged.payment_id
),

-- what billing said of the line first
lines as (
    select
        line_key,
        first_activated_on as activated_on,
        first_dt as told_dt
    from {{ ref('int_subscription_interval') }}
    where line_key in (select judged.line_key from judged)
    qualify row_number() over (partition by line_key order by first_dt, valid_from) = 1
),

final as (
    select
        judged.payment_id,
        judged.number_key,
        judged.first_dt,
        {%- for days in feature_windows() %}
            counted.payments_{{ days }}d,
            cast(coalesce(counted.amount_{{ days }}d, 0) as bigint) as amount_{{ days }}d,
            coalesce(counted.largest_{{ days }}d, 0) as largest_{{ days }}d,
        {%- endfor %}
        cast(counted.failed_1d as bigint) as failed_1d,
        cast(counted.failed_7d as bigint) as failed_7d,
        cast(counted.abandoned_7d as bigint) as abandoned_7d,
        counted.earlier_payments,
        counted.usual_amount,
        (counted.known_s - counted.previous_s) / 86400e0 as days_since_payment,
        100e0 * coalesce(counted.amount_of_month, 0) / nullif(judged.monthly_limit, 0) as cap_used_pct,
        {{ seconds_between('changed.ported_in_at', 'judged.occurred_at') }} / 86400e0 as days_since_port_in,
        {{ seconds_between('changed.sim_changed_at', 'judged.occurred_at') }} / 86400e0 as days_since_sim_change,
        {{ days_between('lines.activated_on', 'judged.first_dt') }} as days_since_activation,
        coalesce(defrauded.frauds_30d, 0) as frauds_30d,
        coalesce(disputers.rejected_disputes, 0) as rejected_disputes
    from judged
    inner join counted on judged.payment_id = counted.payment_id
    left join changed on judged.payment_id = changed.payment_id
    left join lines
        on
            judged.line_key = lines.line_key
            and judged.first_dt >= lines.told_dt
    left join defrauded on judged.payment_id = defrauded.payment_id
    left join disputers on judged.payment_id = disputers.payment_id
)

select * from final
