{#- Groups of persons that a row of detection_quality tells apart, alone or taken from its month's `ALL` and frauds. -#}
with alerts as (
    select * from {{ ref('int_detector_score') }}
    where is_alert
),

frauds as (
    select * from {{ ref('int_detector_fraud') }}
),

detectors as (
    select distinct
        rule_id,
        version
    from alerts
),

everything as (
    select * from alerts
    where rule_id = 'ALL'
),

-- what all rules together alert, by whether this one hit it
alerted as (
    select
        detectors.rule_id,
        detectors.version,
        everything.month,
        everything.party_key,
        everything.outcome,
        own.payment_id is not null as is_hit
    from detectors
    cross join everything
    left join alerts as own
        on
            detectors.rule_id = own.rule_id
            and detectors.version = own.version
            and everything.payment_id = own.payment_id
),

missed as (
    select
        detectors.rule_id,
        detectors.version,
        frauds.month,
        count(distinct frauds.party_key) as payers
    from detectors
    cross join frauds
    left join alerts as own
        on
            detectors.rule_id = own.rule_id
            and detectors.version = own.version
            and frauds.payment_id = own.payment_id
    where own.payment_id is null
    group by detectors.rule_id, detectors.version, frauds.month
),

outcomes as (
    select
        rule_id,
        version,
        month,
        count(distinct party_key) as payers
    from alerted
    group by rule_id, version, month, is_hit, outcome
    union all
    select
        rule_id,
        version,
        month,
        payers
    from missed
),

fewest as (
    select
        rule_id,
        version,
        month,
        min(payers) as payers
    from outcomes
    group by rule_id, version, month
),

hits as (
    select
        rule_id,
        version,
        month,
        is_hit,
        count(distinct party_key) as payers
    from alerted
    group by rule_id, version, month, is_hit
),

final as (
    select
        hits.rule_id,
        hits.version,
        hits.month,
        coalesce(max(hits.payers) filter (where hits.is_hit), 0) as alerted_payers,
        min(hits.payers) as fewest_alerted_payers,
        min(fewest.payers) as fewest_payers
    from hits
    left join fewest
        on
            hits.rule_id = fewest.rule_id
            and hits.version = fewest.version
            and hits.month = fewest.month
    group by hits.rule_id, hits.version, hits.month
)

select * from final
