{#- A detector is a version of a rule, or all that alerts (`ALL`); it gives a payment the payment's score. -#}
with payments as (
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

disputes as (
    select * from {{ ref('int_payment_verdict') }}
),

horizon as (
    select * from {{ ref('int_dispute_horizon') }}
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
    -- what no rule hit
    select
        'ALL' as rule_id,
        0 as version,
        alerts.payment_id,
        alerts.score
    from alerts
    left join scores on alerts.payment_id = scores.payment_id
    where scores.payment_id is null
    union all
    select
        hits.rule_id,
        hits.version,
        hits.payment_id,
        scores.score
    from hits
    inner join scores on hits.payment_id = scores.payment_id
),

final as (
    select
        given.*,
        payments.month,
        payments.occurred_on,
        payments.party_key,
        payments.cell_id,
        payments.amount,
        alerts.payment_id is not null as is_alert,
        alerts.first_alerted_at,
        alerts.hours_to_alert,
        case
            when verdicts.verdict = 'CONFIRMED_FRAUD' then 'CONFIRMED'
            when verdicts.verdict is not null then 'REJECTED'
            when disputes.payment_id is null and payments.occurred_on <= horizon.matured_to then 'UNDISPUTED'
            else 'UNDECIDED'
        end as outcome
    from given
    inner join payments on given.payment_id = payments.payment_id
    cross join horizon
    left join alerts on given.payment_id = alerts.payment_id
    left join verdicts on given.payment_id = verdicts.payment_id
    left join disputes on given.payment_id = disputes.payment_id
)

select * from final
