with hits as (
    select * from {{ ref('rule_hit') }}
),

rules as (
    select * from {{ ref('fraud_rules') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
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
        case max(case severity when 'HIGH' then 3 when 'MEDIUM' then 2 else 1 end)
            when 3 then 'HIGH'
            when 2 then 'MEDIUM'
            else 'LOW'
        end as severity,
        min(known_dt) filter (where score_so_far >= alert_threshold) as first_alerted_dt,
        min(known_at) filter (where score_by_then >= alert_threshold) as first_alerted_at
    from scored
    group by payment_id
),

alerted as (
    select
        per_payment.*,
        payments.occurred_at,
        coalesce(payments.line_key, payments.number_key) as party_key
    from per_payment
    inner join payments on per_payment.payment_id = payments.payment_id
    where per_payment.first_alerted_dt is not null
),

-- an episode goes on until a week has passed without an alert
episodes as (
    select
        *,
        coalesce(
            occurred_at - lag(occurred_at) over (partition by party_key order by occurred_at, payment_id)
            >= interval 7 day,
            true
        ) as opens_case
    from alerted
),

final as (
    select
        payment_id,
        party_key,
        score,
        reasons,
        severity,
        first_alerted_dt,
        first_alerted_at,
        {{ case_of_payment('last_value(case when opens_case then payment_id end ignore nulls)') }} over (
            partition by party_key order by occurred_at, payment_id
            rows between unbounded preceding and current row
        ) as case_id
    from episodes
)

select * from final
