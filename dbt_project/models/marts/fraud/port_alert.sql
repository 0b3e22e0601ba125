with changed as (
    select * from {{ ref('int_port_change') }}
),

rules as (
    select * from {{ ref('port_rules') }}
    where is_enabled
),

deliveries as (
    select * from {{ ref('int_first_delivery') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
    where number_key in (select changed.number_key from changed)
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

paid as (
    select
        changed.port_id,
        count(*) as payments,
        cast(coalesce(sum(payments.amount) filter (where payments.is_succeeded), 0) as bigint) as amount,
        count(*) filter (where verdicts.verdict = 'CONFIRMED_FRAUD') as confirmed
    from changed
    inner join payments
        on
            changed.number_key = payments.number_key
            and changed.changed_at <= payments.occurred_at
            and coalesce(changed.completed_at, changed.requested_at) > payments.occurred_at
    left join verdicts on payments.payment_id = verdicts.payment_id
    group by changed.port_id
),

scored as (
    select
        changed.port_id,
        cast(sum(rules.points) as bigint) as score,
        min(rules.alert_threshold) as alert_threshold,
        {{ ordered_list("rules.rule_id || ' ' || rules.points", "rules.points desc, rules.rule_id") }} as reasons
    from changed
    left join paid on changed.port_id = paid.port_id
    inner join rules
        on
            changed.hours_between <= rules.hours
            and changed.channel is distinct from rules.except_channel
            and coalesce(paid.payments, 0) >= rules.min_payments
    group by changed.port_id
),

known as (
    select
        changed.*,
        greatest(
            coalesce(told_port.delivered_at, {{ start_of_day('changed.port_dt + 1') }}),
            coalesce(told_change.delivered_at, {{ start_of_day('changed.change_dt + 1') }})
        ) as alerted_at
    from changed
    left join deliveries as told_port
        on
            told_port.feed = 'portability_events'
            and changed.port_dt = told_port.dt
    left join deliveries as told_change
        on
            told_change.feed = 'sim_changes'
            and changed.change_dt = told_change.dt
),

final as (
    select
        known.port_id,
        known.number_key,
        known.requested_at,
        known.changed_at,
        known.channel,
        known.hours_between,
        coalesce(paid.payments, 0) as payments_between,
        coalesce(paid.amount, 0) as paid_amount,
        coalesce(paid.confirmed, 0) as confirmed,
        scored.score,
        scored.reasons,
        known.alerted_at,
        known.status,
        known.completed_at,
        coalesce(known.alerted_at < known.completed_at, known.status in ('REQUESTED', 'AUTHENTICATED'))
            as is_before_completion,
        known.recipient_group,
        known.dealer_code
    from known
    inner join scored on known.port_id = scored.port_id
    left join paid on known.port_id = paid.port_id
    where scored.score >= scored.alert_threshold
)

select * from final
