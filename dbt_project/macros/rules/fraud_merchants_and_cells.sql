{#-
CTEs of `rule_hit`: what was known of confirmed fraud at the end of each day on which one of the `judged` payments was
first delivered, as far back as the rules look. Ends with two that have one row per `first_dt` and place: of
`fraud_merchants`, how many frauds there became known and how many payments it took in that time; of `fraud_cells`, how
many frauds. What a merchant took are all its payments, not the judged ones alone. Reads `parameters`.
-#}
{% macro fraud_merchants_and_cells(judged, features, known_frauds) -%}
frauds as (
    select
        known.payment_id,
        known.known_from,
        known.known_to,
        features.merchant_id,
        features.cell_id
    from {{ known_frauds }} as known
    inner join {{ features }} as features on known.payment_id = features.payment_id
),

judged_days as (
    select distinct first_dt from {{ judged }}
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
            and takings.first_dt <= merchant_frauds.first_dt
            and takings.first_dt > merchant_frauds.first_dt - cast(parameters.merchant_turned_bad__days as integer)
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
)
{%- endmacro %}
