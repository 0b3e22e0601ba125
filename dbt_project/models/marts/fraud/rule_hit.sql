{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='payment_id',
    meta={'last_good': ['int_number_change']},
) }}

{#- Read where it is needed, column by column: a CTE over all payments would be copied whole. -#}
{%- set features = ref('int_payment_feature') -%}
{%- set keys = ref('rule_hit__touched') -%}
{%- set touched = '(select * from ' ~ features ~ ' where ' ~ is_touched('payment_id', keys) ~ ')' -%}
{%- set known_frauds = ref('int_fraud_known') -%}
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
        touched.payment_id,
        exposures.cell_id as exposed_cell_id,
        exposures.seen_to as exposed_at,
        greatest(exposures.known_dt, touched.first_dt) as exposed_dt
    from {{ touched }} as touched
    inner join exposures on touched.number_key = exposures.number_key
    cross join parameters
    where
        touched.occurred_at >= exposures.seen_from
        and {{ seconds_between('exposures.seen_to', 'touched.occurred_at') }} <= 3600 * parameters.exposed_number__hours
    qualify row_number() over (
            partition by touched.payment_id
            order by greatest(exposures.known_dt, touched.first_dt), exposures.seen_to desc, exposures.cell_id asc
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
        touched.payment_id,
        changes.kind as changed_kind,
        changes.changed_at,
        greatest(changes.dt, touched.first_dt) as changed_dt
    from {{ touched }} as touched
    inner join {{ ref('int_number_change') }} as changes on touched.number_key = changes.number_key
    cross join parameters
    where
        touched.occurred_at >= changes.changed_at
        and {{ seconds_between('changes.changed_at', 'touched.occurred_at') }}
        <= 86400 * parameters.number_changed__days
    qualify row_number() over (
            partition by touched.payment_id
            order by greatest(changes.dt, touched.first_dt), changes.changed_at desc, changes.kind asc
        ) = 1
),

-- what was known of confirmed fraud near them
{{ fraud_merchants_and_cells(touched, features, known_frauds) }},

judged as (
    select
        touched.*,
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
    from {{ touched }} as touched
    left join {{ ref('int_number_habit') }} as habits on touched.payment_id = habits.payment_id
    left join {{ ref('int_place_day') }} as places
        on
            places.kind = 'MERCHANT'
            and touched.merchant_id = places.place
            and touched.first_dt = places.dt
    left join unregistered_payments on touched.payment_id = unregistered_payments.payment_id
    left join exposed on touched.payment_id = exposed.payment_id
    left join crowded_hours
        on
            touched.cell_id = crowded_hours.cell_id
            and touched.occurred_hour = crowded_hours.hour_start
    left join changed on touched.payment_id = changed.payment_id
    left join fraud_merchants
        on
            touched.merchant_id = fraud_merchants.merchant_id
            and touched.first_dt = fraud_merchants.first_dt
    left join fraud_cells
        on
            touched.cell_id = fraud_cells.cell_id
            and touched.first_dt = fraud_cells.first_dt
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
    {{ rule_hits(checks) }}
)

select * from final
