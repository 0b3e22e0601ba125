with paid as (
    select * from {{ ref('payment_daily') }}
),

confirmed as (
    select * from {{ ref('int_detector_fraud') }}
),

scored as (
    select * from {{ ref('int_detector_score') }}
),

persons as (
    select * from {{ ref('int_detector_person') }}
),

preventable as (
    select * from {{ ref('int_detector_preventable') }}
),

rankings as (
    select * from {{ ref('int_detector_ranking') }}
),

stopped as (
    select * from {{ ref('int_blocked_payment') }}
),

horizon as (
    select * from {{ ref('int_dispute_horizon') }}
),

-- a rule in force that hits nothing is judged, too
rules as (
    select
        rule_id,
        version
    from {{ ref('fraud_rules') }}
    where is_enabled
    qualify row_number() over (partition by rule_id order by version desc) = 1
),

detectors as (
    select
        rule_id,
        version
    from scored
    union
    select
        rule_id,
        version
    from rules
    union
    select
        'ALL' as rule_id,
        0 as version
),

months as (
    select
        cast(date_trunc('month', occurred_on) as date) as month,
        count(distinct occurred_on) as days,
        cast(sum(payments) as bigint) as payments
    from paid
    group by cast(date_trunc('month', occurred_on) as date)
),

frauds as (
    select
        month,
        count(*) as frauds,
        count(distinct party_key) as fraud_payers,
        cast(sum(amount) as bigint) as fraud_amount
    from confirmed
    group by month
),

-- what the detector's alerts turned out to be
counted as (
    select
        rule_id,
        version,
        month,
        count(*) as alerts,
        count(*) filter (where outcome = 'CONFIRMED') as alerts_confirmed,
        count(*) filter (where outcome = 'REJECTED') as alerts_rejected,
        count(*) filter (where outcome in ('UNDISPUTED', 'UNDECIDED')) as alerts_undecided,
        count(*) filter (where outcome = 'UNDISPUTED') as alerts_undisputed,
        cast(coalesce(sum(amount) filter (where outcome = 'CONFIRMED'), 0) as bigint) as alerted_amount,
        median(hours_to_alert) filter (where outcome = 'CONFIRMED') as median_hours_to_alert
    from scored
    where is_alert
    group by rule_id, version, month
),

-- the block list is of all rules together, and of the registry and the desk
blocked as (
    select
        'ALL' as rule_id,
        cast(date_trunc('month', occurred_on) as date) as month,
        cast(coalesce(sum(amount) filter (where is_confirmed), 0) as bigint) as preventable_amount,
        count(distinct party_key) filter (where is_confirmed) as preventable_payers,
        count(*) filter (where not is_confirmed) as false_blocks,
        count(distinct party_key) filter (where not is_confirmed) as false_block_payers
    from stopped
    group by cast(date_trunc('month', occurred_on) as date)
),

measured as (
    select
        months.month,
        detectors.rule_id,
        detectors.version,
        months.days,
        months.payments,
        horizon.analysts,
        horizon.cases_per_day as top_k,
        coalesce(months.month + interval 1 month - interval 1 day <= horizon.matured_to, false) as is_matured,
        coalesce(frauds.frauds, 0) as frauds,
        coalesce(frauds.fraud_payers, 0) as fraud_payers,
        coalesce(frauds.fraud_amount, 0) as fraud_amount,
        coalesce(counted.alerts, 0) as alerts,
        coalesce(persons.alerted_payers, 0) as alerted_payers,
        coalesce(persons.fewest_alerted_payers, 0) as fewest_alerted_payers,
        coalesce(persons.fewest_payers, 0) as fewest_payers,
        coalesce(counted.alerts_confirmed, 0) as alerts_confirmed,
        coalesce(counted.alerts_rejected, 0) as alerts_rejected,
        coalesce(counted.alerts_undecided, 0) as alerts_undecided,
        coalesce(counted.alerts_undisputed, 0) as alerts_undisputed,
        coalesce(counted.alerted_amount, 0) as alerted_amount,
        coalesce(preventable.by_line_amount, 0) as preventable_by_line_amount,
        coalesce(preventable.by_line_payers, 0) as preventable_by_line_payers,
        coalesce(preventable.by_cell_amount, 0) as preventable_by_cell_amount,
        coalesce(preventable.by_cell_payers, 0) as preventable_by_cell_payers,
        case when detectors.rule_id = 'ALL' then coalesce(blocked.preventable_amount, 0) end as preventable_amount,
        case when detectors.rule_id = 'ALL' then coalesce(blocked.preventable_payers, 0) end as preventable_payers,
        case when detectors.rule_id = 'ALL' then coalesce(blocked.false_blocks, 0) end as false_blocks,
        case when detectors.rule_id = 'ALL' then coalesce(blocked.false_block_payers, 0) end as false_block_payers,
        -- those without a score come last, all at once
        100 * (
            coalesce(rankings.area, 0) + 1e0 * (frauds.frauds - coalesce(rankings.frauds, 0)) * frauds.frauds
            / (months.payments - coalesce(counted.alerts_undecided, 0))
        ) / frauds.frauds as average_precision_pct,
        100 * coalesce(rankings.card_precision, 0) as card_precision_top_k_pct,
        counted.median_hours_to_alert
    from months
    cross join detectors
    cross join horizon
    left join counted
        on
            detectors.rule_id = counted.rule_id
            and detectors.version = counted.version
            and months.month = counted.month
    left join persons
        on
            detectors.rule_id = persons.rule_id
            and detectors.version = persons.version
            and months.month = persons.month
    left join preventable
        on
            detectors.rule_id = preventable.rule_id
            and detectors.version = preventable.version
            and months.month = preventable.month
    left join rankings
        on
            detectors.rule_id = rankings.rule_id
            and detectors.version = rankings.version
            and months.month = rankings.month
    left join blocked
        on
            detectors.rule_id = blocked.rule_id
            and months.month = blocked.month
    left join frauds on months.month = frauds.month
),

final as (
    select
        month,
        rule_id,
        version,
        is_matured,
        payments,
        frauds,
        fraud_payers,
        fraud_amount,
        alerts,
        alerted_payers,
        fewest_alerted_payers,
        1e0 * alerts / days as alerts_per_day,
        1e0 * alerts / (days * nullif(analysts, 0)) as alerts_per_analyst_day,
        alerts_confirmed,
        alerts_rejected,
        alerts_undecided,
        alerts_undisputed,
        fewest_payers,
        100e0 * alerts_confirmed / nullif(alerts, 0) as precision_low_pct,
        100e0 * alerts_confirmed / nullif(alerts_confirmed + alerts_rejected, 0) as precision_high_pct,
        case
            when is_matured
                then 100e0 * alerts_confirmed / nullif(alerts_confirmed + alerts_rejected + alerts_undisputed, 0)
        end as precision_matured_pct,
        case when is_matured then 1e0 * (alerts_rejected + alerts_undisputed) / nullif(alerts_confirmed, 0) end
            as false_positive_ratio,
        100e0 * alerts_confirmed / nullif(frauds, 0) as recall_pct,
        alerted_amount,
        100e0 * alerted_amount / nullif(fraud_amount, 0) as value_alerted_pct,
        preventable_by_line_payers,
        preventable_by_line_amount,
        100e0 * preventable_by_line_amount / nullif(fraud_amount, 0) as value_preventable_by_line_pct,
        preventable_by_cell_payers,
        preventable_by_cell_amount,
        100e0 * preventable_by_cell_amount / nullif(fraud_amount, 0) as value_preventable_by_cell_pct,
        preventable_payers,
        preventable_amount,
        100e0 * preventable_amount / nullif(fraud_amount, 0) as value_preventable_pct,
        false_block_payers,
        false_blocks,
        100e0 * false_blocks / nullif(payments - frauds, 0) as false_block_pct,
        cast(average_precision_pct as double) as average_precision_pct,
        top_k,
        cast(card_precision_top_k_pct as double) as card_precision_top_k_pct,
        cast(median_hours_to_alert as double) as median_hours_to_alert
    from measured
)

select * from final
