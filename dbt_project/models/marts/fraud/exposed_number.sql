with cells as (
    select * from {{ ref('unregistered_cell') }}
    where disposition <> 'CLEARED'
),

exposures as (
    select * from {{ ref('int_exposure') }}
),

payments as (
    select * from {{ ref('int_payment_feature') }}
),

flagged as (
    select * from {{ ref('int_flagged_payment') }}
),

rules as (
    select * from {{ ref('fraud_rules') }}
),

-- how long after an exposure a payment still counts as following it
window_hours as (
    select
        coalesce(
            max(cast({{ json_member('parameters', 'hours') }} as double)) filter (where rule_id = 'EXPOSED_NUMBER'), 72
        ) as hours
    from rules
    where is_enabled
),

exposed as (
    select
        exposures.number_key,
        min(exposures.seen_from) as first_exposed_at,
        max(exposures.seen_to) as last_exposed_at,
        min(exposures.known_on) as first_known_on,
        count(distinct exposures.cell_id) as cells
    from exposures
    inner join cells on exposures.cell_id = cells.cell_id
    group by exposures.number_key
),

followed as (
    select distinct
        exposures.number_key,
        payments.payment_id
    from exposures
    inner join cells on exposures.cell_id = cells.cell_id
    inner join payments on exposures.number_key = payments.number_key
    cross join window_hours
    where
        payments.occurred_at >= exposures.seen_from
        and {{ seconds_between('exposures.seen_to', 'payments.occurred_at') }} <= 3600 * window_hours.hours
),

payment_counts as (
    select
        number_key,
        count(*) as payments
    from followed
    group by number_key
),

first_frauds as (
    select
        flagged.number_key,
        min(flagged.occurred_at) as first_fraud_at
    from flagged
    inner join exposed on flagged.number_key = exposed.number_key
    where
        flagged.is_confirmed
        and flagged.occurred_at >= exposed.first_exposed_at
    group by flagged.number_key
),

-- from the last sign of the number on a cell to its first fraud after it; nothing, while it was still there
lags as (
    select
        first_frauds.number_key,
        first_frauds.first_fraud_at,
        greatest(
            {{ seconds_between('max(exposures.seen_to)', 'first_frauds.first_fraud_at') }}, 0
        ) / 3600e0 as lag_hours
    from first_frauds
    inner join exposures
        on
            first_frauds.number_key = exposures.number_key
            and first_frauds.first_fraud_at >= exposures.seen_from
    inner join cells on exposures.cell_id = cells.cell_id
    group by first_frauds.number_key, first_frauds.first_fraud_at
),

final as (
    select
        exposed.number_key,
        exposed.first_exposed_at,
        exposed.last_exposed_at,
        exposed.first_known_on,
        exposed.cells,
        cast(coalesce(payment_counts.payments, 0) as bigint) as payments_after_exposure,
        lags.number_key is not null as became_victim,
        lags.first_fraud_at,
        cast(lags.lag_hours as double) as lag_hours
    from exposed
    left join payment_counts on exposed.number_key = payment_counts.number_key
    left join lags on exposed.number_key = lags.number_key
)

select * from final
