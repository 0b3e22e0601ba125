{#- The region is all that billing adds: fraud is not held back when billing's feed is. -#}
{{ config(meta={'last_good': ['dim_line']}) }}

with alerts as (
    select * from {{ ref('int_alert') }}
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

disputes as (
    select * from {{ ref('int_payment_verdict') }}
),

lines as (
    select * from {{ ref('dim_line') }}
),

-- what we suspect and what a verdict confirmed are marked beside each other, never as one
flagged as (
    select
        coalesce(alerts.payment_id, verdicts.payment_id) as payment_id,
        alerts.payment_id is not null as is_alerted,
        coalesce(verdicts.verdict = 'CONFIRMED_FRAUD', false) as is_confirmed,
        verdicts.verdict,
        verdicts.decided_by,
        verdicts.verdict_dt,
        alerts.score,
        alerts.first_alerted_at,
        alerts.case_id
    from alerts
    full outer join verdicts on alerts.payment_id = verdicts.payment_id
    where alerts.payment_id is not null or verdicts.verdict = 'CONFIRMED_FRAUD'
),

final as (
    select
        flagged.*,
        coalesce(payments.line_key, payments.number_key) as party_key,
        payments.line_key,
        payments.number_key,
        payments.product,
        payments.auth_method,
        payments.merchant_category,
        payments.merchant_id,
        payments.cell_id,
        payments.occurred_at,
        payments.occurred_on,
        coalesce(lines.region_code, 'UNKNOWN') as region_code,
        payments.amount as attempted_amount,
        cast(coalesce(disputes.refunded_amount, 0) as bigint) as refunded_amount,
        {{ lost_amount('payments', 'disputes') }} as lost_amount,
        {{ is_payers_first('payments', 'flagged.is_alerted') }} as counts_alert_payer,
        {{ is_payers_first('payments', 'flagged.is_confirmed') }} as counts_confirmed_payer
    from flagged
    inner join payments on flagged.payment_id = payments.payment_id
    left join disputes on flagged.payment_id = disputes.payment_id
    left join lines
        on
            payments.line_key = lines.line_key
            and {{ valid_at('lines', 'payments.occurred_at') }}
)

select * from final
