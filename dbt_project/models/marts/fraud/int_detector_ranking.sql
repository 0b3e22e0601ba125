{#-
How well a detector's scores order the month's payments: average precision, and the card precision of the Fraud
Detection Handbook. A card is a line, or a number where billing has no line.
-#}
with recursive scored as (
    select * from {{ ref('int_detector_score') }}
),

cards as (
    select * from {{ ref('int_detector_card') }}
),

paid as (
    select * from {{ ref('payment_daily') }}
),

horizon as (
    select * from {{ ref('int_dispute_horizon') }}
),

-- alerts without a verdict are left out of the average precision: what they are, nobody knows
score_groups as (
    select
        rule_id,
        version,
        month,
        score,
        count(*) as payments,
        count(*) filter (where outcome = 'CONFIRMED') as frauds
    from scored
    where not is_alert or outcome in ('CONFIRMED', 'REJECTED')
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
        sum(1e0 * frauds * frauds_so_far / payments_so_far) as area
    from reached
    group by rule_id, version, month
),

detectors as (
    select distinct
        rule_id,
        version
    from cards
),

-- what is no fraud is never found: of it, only how many are ahead of each fraud counts
in_reach as (
    select *
    from (
        select
            cards.*,
            horizon.cases_per_day,
            count(*) filter (where not cards.is_fraud) over by_score as others_ahead,
            row_number() over by_score as place
        from cards
        cross join horizon
        window by_score as (
            partition by cards.rule_id, cards.version, cards.occurred_on
            order by cards.score desc nulls last, cards.first_payment_id asc
        )
    ) as placed
    where
        is_fraud
        and others_ahead < cases_per_day
),

{{ found_day_by_day() }},

hits as (
    select
        rule_id,
        version,
        date_trunc('month', occurred_on) as month,
        sum(hits) as hits
    from looked_at
    where occurred_on is not null
    group by rule_id, version, date_trunc('month', occurred_on)
),

months as (
    select
        cast(date_trunc('month', occurred_on) as date) as month,
        count(distinct occurred_on) as days
    from paid
    group by cast(date_trunc('month', occurred_on) as date)
),

precisions as (
    select
        detectors.rule_id,
        detectors.version,
        months.month,
        1e0 * coalesce(hits.hits, 0) / (months.days * horizon.cases_per_day) as card_precision
    from months
    cross join detectors
    cross join horizon
    left join hits
        on
            detectors.rule_id = hits.rule_id
            and detectors.version = hits.version
            and months.month = hits.month
),

final as (
    select
        precisions.rule_id,
        precisions.version,
        precisions.month,
        coalesce(areas.frauds, 0) as frauds,
        coalesce(areas.area, 0) as area,
        precisions.card_precision
    from precisions
    left join areas
        on
            precisions.rule_id = areas.rule_id
            and precisions.version = areas.version
            and precisions.month = areas.month
)

select * from final
