with alerts as (
    select * from {{ ref('int_alert') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

disputes as (
    select * from {{ ref('int_payment_verdict') }}
),

final as (
    select
        alerts.payment_id,
        alerts.case_id,
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
        alerts.score,
        alerts.reasons,
        alerts.severity,
        alerts.alerted_by,
        alerts.first_alerted_at,
        {{ hours_between('payments.occurred_at', 'alerts.first_alerted_at') }} as hours_to_alert,
        verdicts.verdict,
        verdicts.verdict_dt,
        verdicts.decided_by,
        disputes.payment_id is not null as is_disputed,
        cast(coalesce(disputes.refunded_amount, 0) as bigint) as refunded_amount,
        {{ lost_amount('payments', 'disputes') }} as lost_amount
    from alerts
    inner join payments on alerts.payment_id = payments.payment_id
    left join verdicts on alerts.payment_id = verdicts.payment_id
    left join disputes on alerts.payment_id = disputes.payment_id
)

select * from final
