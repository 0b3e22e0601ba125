with audits as (
    select * from {{ ref('int_audit_payment') }}
),

-- where nobody looks by chance, nothing is counted
desks as (
    select * from {{ ref('desks') }}
    where desk = 'FRAUD'
),

verdicts as (
    select * from {{ ref('payment_verdict') }}
),

alerts as (
    select * from {{ ref('int_alert') }}
),

told as (
    select
        payments.payment_id,
        cast(date_trunc('month', payments.first_dt) as date) as month,
        coalesce(alerts.first_alerted_dt <= payments.first_dt, false) as was_alerted
    from {{ ref('int_payment_latest') }} as payments
    inner join desks on desks.audited_per_day > 0
    left join alerts on payments.payment_id = alerts.payment_id
),

unalerted as (
    select
        month,
        count(*) as payments_unalerted
    from told
    where not was_alerted
    group by month
),

drawn as (
    select
        cast(date_trunc('month', audits.drawn_dt) as date) as month,
        count(*) as audited,
        count(*) filter (where audits.is_alerted_since) as alerted_since,
        count(verdicts.payment_id) as decided,
        count(*) filter (where verdicts.verdict = 'CONFIRMED_FRAUD') as confirmed
    from audits
    left join verdicts on audits.payment_id = verdicts.payment_id
    group by cast(date_trunc('month', audits.drawn_dt) as date)
),

judged as (
    select
        drawn.*,
        unalerted.payments_unalerted,
        1e0 * drawn.confirmed / nullif(drawn.decided, 0) as share,
        {{ wilson_middle('1e0 * drawn.confirmed / nullif(drawn.decided, 0)', 'nullif(drawn.decided, 0)') }} as middle,
        {{ wilson_half_width('1e0 * drawn.confirmed / nullif(drawn.decided, 0)', 'nullif(drawn.decided, 0)') }}
            as half_width
    from drawn
    inner join unalerted on drawn.month = unalerted.month
),

final as (
    select
        month,
        payments_unalerted,
        audited,
        alerted_since,
        decided,
        confirmed,
        cast(100 * share as double) as fraud_pct,
        cast(100 * greatest(middle - half_width, 0) as double) as fraud_low_pct,
        cast(100 * (middle + half_width) as double) as fraud_high_pct,
        cast(payments_unalerted * share as double) as frauds_missed,
        cast(payments_unalerted * greatest(middle - half_width, 0) as double) as frauds_missed_low,
        cast(payments_unalerted * (middle + half_width) as double) as frauds_missed_high
    from judged
)

select * from final
