with paid as (
    select * from {{ ref('payment_daily') }}
),

payments as (
    select
        *,
        cast(date_trunc('month', occurred_on) as date) as month
    from {{ ref('fct_payment') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

scored as (
    select * from {{ ref('int_detector_score') }}
),

rankings as (
    select * from {{ ref('int_detector_ranking') }}
),

detectors as (
    select
        rule_id,
        version
    from scored
    union
    select
        'ALL' as rule_id,
        0 as version
),

months as (
    select
        cast(date_trunc('month', occurred_on) as date) as month,
        cast(sum(payments) as bigint) as payments
    from paid
    group by cast(date_trunc('month', occurred_on) as date)
),

frauds as (
    select
        payments.month,
        count(*) as frauds,
        cast(sum(payments.amount) as bigint) as fraud_amount
    from verdicts
    inner join payments on verdicts.payment_id = payments.payment_id
    where verdicts.verdict = 'CONFIRMED_FRAUD'
    group by payments.month
),

counted as (
    select
        rule_id,
        version,
        month,
        {{ detection_counts() }}
    from scored
    group by rule_id, version, month
),

final as (
    select
        months.month,
        detectors.rule_id,
        detectors.version,
        months.payments,
        coalesce(frauds.frauds, 0) as frauds,
        coalesce(frauds.fraud_amount, 0) as fraud_amount,
        coalesce(counted.alerts, 0) as alerts,
        coalesce(counted.alerts_decided, 0) as alerts_decided,
        coalesce(counted.alerts_pending, 0) as alerts_pending,
        coalesce(counted.alerts_confirmed, 0) as alerts_confirmed,
        coalesce(counted.detected_amount, 0) as detected_amount,
        {{ detection_rates('counted', 'frauds') }},
        -- those without a score come last, all at once
        cast((
            coalesce(rankings.area, 0) + 1.0 * (frauds.frauds - coalesce(rankings.frauds, 0)) * frauds.frauds
            / (months.payments - coalesce(counted.alerts_pending, 0))
        ) / frauds.frauds as double) as average_precision,
        cast(rankings.precision_at_100 as double) as precision_at_100,
        cast(rankings.line_precision_at_100 as double) as line_precision_at_100,
        cast(counted.median_delay_days as double) as median_delay_days
    from months
    cross join detectors
    left join counted
        on
            detectors.rule_id = counted.rule_id
            and detectors.version = counted.version
            and months.month = counted.month
    left join rankings
        on
            detectors.rule_id = rankings.rule_id
            and detectors.version = rankings.version
            and months.month = rankings.month
    left join frauds on months.month = frauds.month
)

select * from final
