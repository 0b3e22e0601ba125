{#-
Definitions of the Fraud Detection Handbook (chapter 4), of which its authors have tests against scikit-learn. A
detector is a version of a rule, or all rules together; it gives a payment the payment's score, if the rule hit it.
-#}
with paid as (
    select * from {{ ref('payment_daily') }}
),

payments as (
    select
        *,
        cast(date_trunc('month', occurred_on) as date) as month,
        coalesce(line_key, number_key) as party_key
    from {{ ref('fct_payment') }}
),

alerts as (
    select * from {{ ref('alert') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

hits as (
    select * from {{ ref('rule_hit') }}
),

scores as (
    select
        payment_id,
        cast(sum(points) as bigint) as score
    from hits
    group by payment_id
),

given as (
    select
        'ALL' as rule_id,
        0 as version,
        payment_id,
        score
    from scores
    union all
    select
        hits.rule_id,
        hits.version,
        hits.payment_id,
        scores.score
    from hits
    inner join scores on hits.payment_id = scores.payment_id
),

-- one row per detector and payment that it gave a score
scored as (
    select
        given.*,
        payments.month,
        payments.occurred_on,
        payments.party_key,
        payments.amount,
        alerts.payment_id is not null as is_alert,
        {{ days_between('payments.occurred_on', 'alerts.first_alerted_on') }} as delay_days,
        verdicts.verdict is not null as is_decided,
        coalesce(verdicts.verdict = 'CONFIRMED_FRAUD', false) as is_fraud,
        alerts.payment_id is not null and verdicts.verdict is null as is_pending
    from given
    inner join payments on given.payment_id = payments.payment_id
    left join alerts on given.payment_id = alerts.payment_id
    left join verdicts on given.payment_id = verdicts.payment_id
),

detectors as (
    select
        rule_id,
        version
    from given
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
        count(*) filter (where is_alert) as alerts,
        count(*) filter (where is_alert and is_decided) as alerts_decided,
        count(*) filter (where is_pending) as alerts_pending,
        count(*) filter (where is_alert and is_fraud) as alerts_confirmed,
        cast(coalesce(sum(amount) filter (where is_alert and is_fraud), 0) as bigint) as detected_amount,
        median(delay_days) filter (where is_alert and is_fraud) as median_delay_days
    from scored
    group by rule_id, version, month
),

-- pending alerts are left out of the average precision: what they are, nobody knows yet
score_groups as (
    select
        rule_id,
        version,
        month,
        score,
        count(*) as payments,
        count(*) filter (where is_fraud) as frauds
    from scored
    where not is_pending
    group by rule_id, version, month, score
),

reached as (
    select
        rule_id,
        version,
        month,
        payments,
        frauds,
        sum(payments) over by_score as payments_so_far,
        sum(frauds) over by_score as frauds_so_far
    from score_groups
    window by_score as (partition by rule_id, version, month order by score desc)
),

areas as (
    select
        rule_id,
        version,
        month,
        sum(payments) as payments,
        sum(frauds) as frauds,
        sum(1.0 * frauds * frauds_so_far / payments_so_far) as area
    from reached
    group by rule_id, version, month
),

-- what the desk would have looked at: payments, or lines with their highest score
looked_at as (
    select
        'PAYMENT' as grain,
        rule_id,
        version,
        month,
        occurred_on,
        payment_id,
        score,
        amount,
        is_decided,
        is_fraud
    from scored
    where is_alert
    union all
    select
        'LINE' as grain,
        rule_id,
        version,
        month,
        occurred_on,
        min(payment_id) as payment_id,
        max(score) as score,
        sum(amount) as amount,
        bool_or(is_decided) as is_decided,
        bool_or(is_fraud) as is_fraud
    from scored
    where is_alert
    group by rule_id, version, month, occurred_on, party_key
),

ranked as (
    select
        *,
        row_number() over (
            partition by grain, rule_id, version, occurred_on order by score desc, amount desc, payment_id asc
        ) as place
    from looked_at
),

day_precisions as (
    select
        grain,
        rule_id,
        version,
        month,
        1.0 * count(*) filter (where is_fraud) / count(*) as day_precision
    from ranked
    where
        place <= 100
        and is_decided
    group by grain, rule_id, version, month, occurred_on
),

precisions as (
    select
        rule_id,
        version,
        month,
        avg(day_precision) filter (where grain = 'PAYMENT') as precision_at_100,
        avg(day_precision) filter (where grain = 'LINE') as line_precision_at_100
    from day_precisions
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
        100.0 * counted.alerts_confirmed / nullif(counted.alerts_decided, 0) as precision_pct,
        100.0 * coalesce(counted.alerts_confirmed, 0) / frauds.frauds as recall_pct,
        100.0 * coalesce(counted.detected_amount, 0) / frauds.fraud_amount as value_detection_rate_pct,
        -- those without a score come last, all at once
        cast((
            coalesce(areas.area, 0) + 1.0 * (frauds.frauds - coalesce(areas.frauds, 0)) * frauds.frauds
            / (months.payments - coalesce(counted.alerts_pending, 0))
        ) / frauds.frauds as double) as average_precision,
        cast(precisions.precision_at_100 as double) as precision_at_100,
        cast(precisions.line_precision_at_100 as double) as line_precision_at_100,
        cast(counted.median_delay_days as double) as median_delay_days
    from months
    cross join detectors
    left join counted
        on
            detectors.rule_id = counted.rule_id
            and detectors.version = counted.version
            and months.month = counted.month
    left join areas
        on
            detectors.rule_id = areas.rule_id
            and detectors.version = areas.version
            and months.month = areas.month
    left join precisions
        on
            detectors.rule_id = precisions.rule_id
            and detectors.version = precisions.version
            and months.month = precisions.month
    left join frauds on months.month = frauds.month
)

select * from final
