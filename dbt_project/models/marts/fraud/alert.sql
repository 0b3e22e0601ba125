with hits as (
    select * from {{ ref('rule_hit') }}
),

rules as (
    select * from {{ ref('fraud_rules') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

verdicts as (
    select * from {{ ref('int_payment_verdict') }}
),

-- the score as it stood after each delivery
scored as (
    select
        hits.payment_id,
        hits.rule_id,
        hits.known_dt,
        hits.points,
        rules.severity,
        min(rules.alert_threshold) over (partition by hits.payment_id) as alert_threshold,
        sum(hits.points) over (
            partition by hits.payment_id
            order by hits.known_dt
            range between unbounded preceding and current row
        ) as score_so_far
    from hits
    inner join rules
        on
            hits.rule_id = rules.rule_id
            and hits.version = rules.version
),

per_payment as (
    select
        payment_id,
        cast(sum(points) as bigint) as score,
        {{ sorted_list('rule_id') }} as reasons,
        case max(case severity when 'HIGH' then 3 when 'MEDIUM' then 2 else 1 end)
            when 3 then 'HIGH'
            when 2 then 'MEDIUM'
            else 'LOW'
        end as severity,
        min(known_dt) filter (where score_so_far >= alert_threshold) as first_alerted_on
    from scored
    group by payment_id
),

final as (
    select
        per_payment.payment_id,
        payments.line_key,
        payments.number_key,
        payments.occurred_at,
        payments.occurred_on,
        payments.product,
        payments.merchant_id,
        payments.merchant_category,
        payments.auth_method,
        payments.cell_id,
        payments.amount,
        payments.status,
        per_payment.score,
        per_payment.reasons,
        per_payment.severity,
        per_payment.first_alerted_on,
        verdicts.verdict,
        verdicts.verdict_dt,
        verdicts.payment_id is not null as is_disputed,
        cast(coalesce(verdicts.refunded_amount, 0) as bigint) as refunded_amount
    from per_payment
    inner join payments on per_payment.payment_id = payments.payment_id
    left join verdicts on per_payment.payment_id = verdicts.payment_id
    where per_payment.first_alerted_on is not null
)

select * from final
