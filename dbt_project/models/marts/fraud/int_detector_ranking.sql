{#- Average precision and precision at the top: how well the scores of a detector order what has been decided. -#}
with scored as (
    select * from {{ ref('int_detector_score') }}
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

-- whoever has a decided alert has an area
final as (
    select
        areas.*,
        precisions.precision_at_100,
        precisions.line_precision_at_100
    from areas
    left join precisions
        on
            areas.rule_id = precisions.rule_id
            and areas.version = precisions.version
            and areas.month = precisions.month
)

select * from final
