{#-
What is looked at by chance: so many of a morning's payments that nothing suspected then, drawn by hash, the same ones
whenever it is asked. Ten times as many are candidates, so that nobody has to sort a carrier's day.
-#}
with desks as (
    select * from {{ ref('desks') }}
    where
        desk = 'FRAUD'
        and audited_per_day > 0
),

alerts as (
    select * from {{ ref('int_alert') }}
),

mornings as (
    select
        payments.first_dt,
        desks.audited_per_day,
        count(*) as payments
    from {{ ref('int_payment_latest') }} as payments
    cross join desks
    group by payments.first_dt, desks.audited_per_day
),

drawn as (
    select
        payments.payment_id,
        payments.first_dt,
        mornings.audited_per_day,
        {{ share_of('payments.payment_id', 'audit') }} as share
    from {{ ref('int_payment_latest') }} as payments
    inner join mornings on payments.first_dt = mornings.first_dt
    where {{ share_of('payments.payment_id', 'audit') }} * mornings.payments < 10 * mornings.audited_per_day
),

final as (
    select
        drawn.payment_id,
        drawn.first_dt as drawn_dt,
        alerts.payment_id is not null as is_alerted_since
    from drawn
    left join alerts on drawn.payment_id = alerts.payment_id
    where coalesce(alerts.first_alerted_dt > drawn.first_dt, true)
    qualify row_number() over (partition by drawn.first_dt order by drawn.share, drawn.payment_id)
        <= drawn.audited_per_day
)

select * from final
