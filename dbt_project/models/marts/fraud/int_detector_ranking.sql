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
        sum(1.0 * frauds * frauds_so_far / payments_so_far) as area
    from reached
    group by rule_id, version, month
),

detectors as (
    select distinct
        rule_id,
        version
    from cards
),

last_day as (
    select max(day_number) as day_number
    from cards
),

-- day by day: whoever was found among the first k is not looked at again
looked_at as (
    select
        rule_id,
        version,
        cast(0 as bigint) as day_number,
        cast(null as date) as occurred_on,
        cast([] as uuid[]) as found,
        cast(0 as bigint) as hits
    from detectors
    union all
    select
        rule_id,
        version,
        day_number,
        occurred_on,
        list_concat(found, found_today) as found,
        len(found_today) as hits
    from (
        select
            rule_id,
            version,
            day_number,
            max(occurred_on) as occurred_on,
            any_value(found) as found,
            coalesce(
                list(party_key) filter (where is_fraud and not was_found and place <= cases_per_day), []
            ) as found_today
        from (
            select
                looked_at.rule_id,
                looked_at.version,
                looked_at.day_number + 1 as day_number,
                looked_at.found,
                horizon.cases_per_day,
                cards.occurred_on,
                cards.party_key,
                cards.is_fraud,
                list_contains(looked_at.found, cards.party_key) as was_found,
                row_number() over (
                    partition by looked_at.rule_id, looked_at.version
                    order by
                        list_contains(looked_at.found, cards.party_key) asc,
                        cards.score desc nulls last,
                        cards.first_payment_id asc
                ) as place
            from looked_at
            inner join last_day on looked_at.day_number < last_day.day_number
            cross join horizon
            left join cards
                on
                    looked_at.rule_id = cards.rule_id
                    and looked_at.version = cards.version
                    and looked_at.day_number + 1 = cards.day_number
        ) as places
        group by rule_id, version, day_number
    ) as tops
),

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
        1.0 * coalesce(hits.hits, 0) / (months.days * horizon.cases_per_day) as card_precision
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
