{#-
Whom the learned score suspects: `alert_probability_pct` of `desks` or more. The points of that probability are the
threshold of the rules, and ten more double the odds. A closed gate of what the score alone is made of holds no alert
back.
-#}
{{ config(
    materialized='view',
    meta={'last_good': ['score']},
) }}

with scores as (
    select * from {{ ref('score') }}
),

deliveries as (
    select * from {{ ref('int_first_delivery') }}
    where feed = 'payments'
),

thresholds as (
    select
        desks.alert_probability_pct,
        min(rules.alert_threshold) as alert_threshold
    from {{ ref('desks') }} as desks
    cross join {{ ref('fraud_rules') }} as rules
    where
        desks.desk = 'FRAUD'
        and rules.is_enabled
    group by desks.alert_probability_pct
),

suspected as (
    select
        scores.payment_id,
        scores.first_dt,
        scores.probability,
        scores.reasons,
        cast(round(
            thresholds.alert_threshold
            + 10 * ({{ log2_odds('scores.probability') }} - {{ log2_odds('thresholds.alert_probability_pct / 100e0') }})
        ) as bigint) as score
    from scores
    inner join thresholds on scores.probability >= thresholds.alert_probability_pct / 100e0
),

final as (
    select
        suspected.payment_id,
        suspected.score,
        'SCORE ' || suspected.score || coalesce(' (' || suspected.reasons || ')', '') as reasons,
        case when suspected.probability >= 0.9e0 then 3 else 2 end as severity_rank,
        suspected.first_dt as first_alerted_dt,
        coalesce(deliveries.delivered_at, {{ start_of_day('suspected.first_dt + 1') }}) as first_alerted_at
    from suspected
    left join deliveries on suspected.first_dt = deliveries.dt
)

select * from final
