{#- Whom the rules suspect: the points of their hits reach the threshold. -#}
{{ config(materialized='view') }}

with hits as (
    select * from {{ ref('rule_hit') }}
),

rules as (
    select * from {{ ref('fraud_rules') }}
),

deliveries as (
    select * from {{ ref('int_first_delivery') }}
),

feeds as (
    {{ rule_feeds(fraud_rules()) }}
),

-- when what tells a rule of a day had arrived; of a day whose raw deliveries are not retained any more, its end
arrivals as (
    select
        known.rule_id,
        known.known_dt,
        coalesce(max(deliveries.delivered_at), {{ start_of_day('known.known_dt + 1') }}) as known_at
    from (
        select distinct
            hits.rule_id,
            hits.known_dt
        from hits
    ) as known
    left join feeds on known.rule_id = feeds.rule_id
    left join deliveries
        on
            coalesce(feeds.feed, 'payments') = deliveries.feed
            and known.known_dt = deliveries.dt
    group by known.rule_id, known.known_dt
),

-- the score as it stood after each delivery
scored as (
    select
        hits.payment_id,
        hits.rule_id,
        hits.known_dt,
        arrivals.known_at,
        hits.points,
        rules.severity,
        min(rules.alert_threshold) over (partition by hits.payment_id) as alert_threshold,
        sum(hits.points) over (
            partition by hits.payment_id
            order by hits.known_dt
            range between unbounded preceding and current row
        ) as score_so_far,
        sum(hits.points) over (
            partition by hits.payment_id
            order by arrivals.known_at
            range between unbounded preceding and current row
        ) as score_by_then
    from hits
    inner join rules
        on
            hits.rule_id = rules.rule_id
            and hits.version = rules.version
    left join arrivals
        on
            hits.rule_id = arrivals.rule_id
            and hits.known_dt = arrivals.known_dt
),

per_payment as (
    select
        payment_id,
        cast(sum(points) as bigint) as score,
        {{ ordered_list("rule_id || ' ' || points", "points desc, rule_id") }} as reasons,
        max(case severity when 'HIGH' then 3 when 'MEDIUM' then 2 else 1 end) as severity_rank,
        min(known_dt) filter (where score_so_far >= alert_threshold) as first_alerted_dt,
        min(known_at) filter (where score_by_then >= alert_threshold) as first_alerted_at
    from scored
    group by payment_id
),

final as (
    select * from per_payment
    where first_alerted_dt is not null
)

select * from final
