{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
    meta={'last_good': ['int_number_change']},
) }}

{#- Read where it is needed, column by column: a CTE over all payments would be copied whole. -#}
{%- set features = ref('int_payment_feature') -%}
{%- set touched = ref('rule_hit__touched') -%}
{%- set payments = '(select * from ' ~ features ~ ' where ' ~ is_touched('payment_id', touched) ~ ')' -%}
{%- set checks = fraud_rules() %}

with rules as (
    select * from {{ ref('fraud_rules') }}
    where is_enabled
    qualify row_number() over (partition by rule_id order by version desc) = 1
),

parameters as (
    select {{ rule_parameters(checks) }}
    from rules
),

-- what a later list cleared is no longer a hit
unregistered_payments as (
    select * from {{ ref('int_unregistered_payment') }}
    where cleared_on is null
),

exposures as (
    select * from {{ ref('int_exposure') }}
),

-- the exposure that was known first
exposed as (
    select
        payments.payment_id,
        exposures.cell_id as exposed_cell_id,
        exposures.seen_to as exposed_at,
        greatest(exposures.known_dt, payments.first_dt) as exposed_dt
    from {{ payments }} as payments
    inner join exposures on payments.number_key = exposures.number_key
    cross join parameters
    where
        payments.occurred_at >= exposures.seen_from
        and {{ seconds_between('exposures.seen_to', 'payments.occurred_at') }}
        <= 3600 * parameters.exposed_number__hours
    qualify row_number() over (
            partition by payments.payment_id
            order by greatest(exposures.known_dt, payments.first_dt), exposures.seen_to desc, exposures.cell_id asc
        ) = 1
),

crowded_hours as (
    select
        hours.cell_id,
        hours.hour_start,
        min(hours.dt) as burst_dt,
        max(hours.numbers) as burst_numbers
    from {{ ref('int_cell_hour') }} as hours
    cross join parameters
    where hours.numbers >= parameters.attach_burst__min_numbers
    group by hours.cell_id, hours.hour_start
),

-- the change of the number that was known first
changed as (
    select
        payments.payment_id,
        changes.kind as changed_kind,
        changes.changed_at,
        greatest(changes.dt, payments.first_dt) as changed_dt
    from {{ payments }} as payments
    inner join {{ ref('int_number_change') }} as changes on payments.number_key = changes.number_key
    cross join parameters
    where
        payments.occurred_at >= changes.changed_at
        and {{ seconds_between('changes.changed_at', 'payments.occurred_at') }}
        <= 86400 * parameters.number_changed__days
    qualify row_number() over (
            partition by payments.payment_id
            order by greatest(changes.dt, payments.first_dt), changes.changed_at desc, changes.kind asc
        ) = 1
),

-- what was known of confirmed fraud at the end of each day on which payments were first delivered, as far back as the
-- rules look
frauds as (
    select
        known.payment_id,
        known.known_from,
        known.known_to,
        features.merchant_id,
        features.cell_id
    from {{ ref('int_fraud_known') }} as known
    inner join {{ features }} as features on known.payment_id = features.payment_id
),

judged_days as (
    select distinct first_dt from {{ payments }} as payments
),

frauds_by_day as (
    select
        judged_days.first_dt,
        frauds.merchant_id,
        frauds.cell_id,
        {{ days_between('frauds.known_from', 'judged_days.first_dt') }} as known_since_days
    from frauds
    inner join judged_days
        on
            frauds.known_from <= judged_days.first_dt
            and judged_days.first_dt < coalesce(frauds.known_to, date '9999-12-31')
),

merchant_frauds as (
    select
        frauds_by_day.first_dt,
        frauds_by_day.merchant_id,
        count(*) filter (where frauds_by_day.known_since_days < parameters.fraud_at_merchant__days) as merchant_frauds,
        count(*) filter (
            where frauds_by_day.known_since_days < parameters.merchant_turned_bad__days
        ) as bad_merchant_frauds
    from frauds_by_day
    cross join parameters
    group by frauds_by_day.first_dt, frauds_by_day.merchant_id
),

-- all that these merchants took, of payments judged or not
takings as (
    select
        merchant_id,
        first_dt,
        count(*) as payments
    from {{ features }}
    where merchant_id in (select frauds.merchant_id from frauds)
    group by merchant_id, first_dt
),

fraud_merchants as (
    select
        merchant_frauds.first_dt,
        merchant_frauds.merchant_id,
        any_value(merchant_frauds.merchant_frauds) as merchant_frauds,
        any_value(merchant_frauds.bad_merchant_frauds) as bad_merchant_frauds,
        sum(takings.payments) as bad_merchant_payments
    from merchant_frauds
    cross join parameters
    left join takings
        on
            merchant_frauds.merchant_id = takings.merchant_id
            and merchant_frauds.first_dt >= takings.first_dt
            and merchant_frauds.first_dt - cast(parameters.merchant_turned_bad__days as integer) < takings.first_dt
    group by merchant_frauds.first_dt, merchant_frauds.merchant_id
),

fraud_cells as (
    select
        frauds_by_day.first_dt,
        frauds_by_day.cell_id,
        count(*) filter (where frauds_by_day.known_since_days < parameters.fraud_on_cell__days) as cell_frauds
    from frauds_by_day
    cross join parameters
    group by frauds_by_day.first_dt, frauds_by_day.cell_id
),

judged as (
    select
        payments.*,
        unregistered_payments.cell_dt as unregistered_dt,
        unregistered_payments.occurred_on as unregistered_on,
        unregistered_payments.delisted_on,
        exposed.exposed_cell_id,
        exposed.exposed_at,
        exposed.exposed_dt,
        crowded_hours.burst_dt,
        crowded_hours.burst_numbers,
        changed.changed_kind,
        changed.changed_at,
        changed.changed_dt,
        fraud_merchants.merchant_frauds,
        fraud_merchants.bad_merchant_frauds,
        fraud_merchants.bad_merchant_payments,
        fraud_cells.cell_frauds,
        habits.payments_1d,
        habits.amount_1d,
        habits.cap_used_pct,
        habits.days_since_activation,
        habits.rejected_disputes,
        habits.abandoned_7d,
        places.frauds_7d as merchant_frauds_7d,
        places.payments_7d as merchant_payments_7d
    from {{ payments }} as payments
    left join {{ ref('int_number_habit') }} as habits on payments.payment_id = habits.payment_id
    left join {{ ref('int_place_day') }} as places
        on
            places.kind = 'MERCHANT'
            and payments.merchant_id = places.place
            and payments.first_dt = places.dt
    left join unregistered_payments on payments.payment_id = unregistered_payments.payment_id
    left join exposed on payments.payment_id = exposed.payment_id
    left join crowded_hours
        on
            payments.cell_id = crowded_hours.cell_id
            and payments.occurred_hour = crowded_hours.hour_start
    left join changed on payments.payment_id = changed.payment_id
    left join fraud_merchants
        on
            payments.merchant_id = fraud_merchants.merchant_id
            and payments.first_dt = fraud_merchants.first_dt
    left join fraud_cells
        on
            payments.cell_id = fraud_cells.cell_id
            and payments.first_dt = fraud_cells.first_dt
),

checked as (
    select
        judged.*,
        parameters.*,
        {{ rule_known_dts(checks) }}
    from judged
    cross join parameters
),

-- most payments have a weak hit or two, and nobody asks about those
kept as (
    select * from checked
    where {{ rule_score(checks) }} >= kept_from_score
),

final as (
    {{ rule_hits(checks, payments='kept', versions='rules') }}
)

select * from final
