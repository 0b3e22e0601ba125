{#-
Payments of which rules and score both spoke on the morning that told them, and of which by now a verdict or silence
says what they were. Points are of the hits that were known by then; what rules find by looking again is left out.
-#}
{{ config(materialized='view') }}

with scores as (
    select * from {{ ref('score') }}
),

hits as (
    select * from {{ ref('rule_hit') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

disputes as (
    select * from {{ ref('int_payment_verdict') }}
),

horizon as (
    select * from {{ ref('int_dispute_horizon') }}
),

rules as (
    select
        hits.payment_id,
        cast(sum(hits.points) as double) as points
    from hits
    inner join scores on hits.payment_id = scores.payment_id
    where hits.known_dt <= scores.first_dt
    group by hits.payment_id
),

final as (
    select
        scores.payment_id,
        scores.first_dt as told_on,
        scores.probability,
        scores.rank_of_day,
        coalesce(rules.points, 0) as points,
        coalesce(verdicts.verdict = 'CONFIRMED_FRAUD', false) as is_fraud
    from scores
    cross join horizon
    left join rules on scores.payment_id = rules.payment_id
    left join verdicts on scores.payment_id = verdicts.payment_id
    left join disputes on scores.payment_id = disputes.payment_id
    where
        scores.first_dt <= horizon.matured_to
        and (verdicts.payment_id is not null or disputes.payment_id is null)
)

select * from final
