with desks as (
    select * from {{ ref('desks') }}
    where desk = 'FRAUD'
),

alerts as (
    select * from {{ ref('alert') }}
),

told as (
    select * from {{ ref('int_alert') }}
),

dispositions as (
    select * from {{ ref('stg_desk__dispositions') }}
),

final as (
    select
        desk,
        cases_per_day,
        undisputed_after_days,
        greatest(
            {{ data_end('payments', [ref('int_payment_latest'), ref('int_unregistered_payment')]) }},
            (select max(told.first_alerted_dt) from told),
            (select max(alerts.verdict_dt) from alerts),
            (select max(dispositions.dt) from dispositions)
        ) as last_on
    from desks
)

select * from final
