with alerts as (
    select
        alerts.*,
        told.first_alerted_dt
    from {{ ref('alert') }} as alerts
    inner join {{ ref('int_alert') }} as told on alerts.payment_id = told.payment_id
),

dispositions as (
    select
        *,
        {{ payment_of_case('case_id') }} as opened_by
    from {{ ref('stg_desk__dispositions') }}
),

desks as (
    select * from {{ ref('int_desk_day') }}
),

known_frauds as (
    select * from {{ ref('int_fraud_known') }}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

payment_days as (
    select * from {{ ref('payment_daily') }}
),

cells as (
    select * from {{ ref('unregistered_cell_daily') }}
),

alerted as (
    select
        first_alerted_dt as date_day,
        count(*) as alerts,
        count(distinct case_id) as alerted_cases,
        sum(amount) as alerted_amount
    from alerts
    group by first_alerted_dt
),

opened as (
    select
        opened_on as date_day,
        count(*) as cases_opened
    from (
        select
            case_id,
            min(first_alerted_dt) as opened_on
        from alerts
        group by case_id
    ) as cases
    group by opened_on
),

-- of the desk's decisions on a case that had been delivered by a day, the latest counts
decided as (
    select distinct
        alerts.case_id,
        dispositions.dt,
        {{ last_by('dispositions.disposition', '(dispositions.decided_at, dispositions.dt)') }} over (
            partition by alerts.case_id order by dispositions.dt
            range between unbounded preceding and current row
        ) as disposition
    from dispositions
    inner join alerts on dispositions.opened_by = alerts.payment_id
),

events as (
    select
        case_id,
        first_alerted_dt as date_day,
        1 as alerts,
        0 as verdicts,
        amount,
        occurred_on
    from alerts
    union all
    select
        case_id,
        greatest(verdict_dt, first_alerted_dt) as date_day,
        0 as alerts,
        1 as verdicts,
        0 as amount,
        cast(null as date) as occurred_on
    from alerts
    where verdict is not null
    union all
    select
        case_id,
        dt as date_day,
        0 as alerts,
        0 as verdicts,
        0 as amount,
        cast(null as date) as occurred_on
    from decided
),

event_days as (
    select
        case_id,
        date_day,
        sum(alerts) as alerts,
        sum(verdicts) as verdicts,
        sum(amount) as amount,
        max(occurred_on) as occurred_on
    from events
    group by case_id, date_day
),

-- through the newest delivery that says anything, though payments may have ended before it
spans as (
    select
        min(payment_days.occurred_on) as first_on,
        min(desks.last_on) as last_on
    from payment_days
    cross join desks
),

days as (
    select calendar.date_day
    from spans
    cross join {{ days_from_to('spans.first_on', 'spans.last_on', 'calendar') }}
    where spans.first_on is not null
),

-- a case from one event to the next; of what nobody disputes for so long, nothing comes
states as (
    select
        event_days.case_id,
        event_days.date_day as known_from,
        coalesce(lead(event_days.date_day) over of_case, date '9999-12-31') as known_to,
        sum(event_days.alerts) over so_far as alerts,
        sum(event_days.verdicts) over so_far as verdicts,
        sum(event_days.amount) over so_far as amount,
        max(event_days.occurred_on) over so_far as last_payment_on,
        coalesce({{ last_known('decided.disposition') }} over so_far, 'WATCH') as disposition
    from event_days
    left join decided
        on
            event_days.case_id = decided.case_id
            and event_days.date_day = decided.dt
    window
        of_case as (partition by event_days.case_id order by event_days.date_day),
        so_far as (
            partition by event_days.case_id
            order by event_days.date_day
            rows between unbounded preceding and current row
        )
),

open_cases as (
    select
        days.date_day,
        count(*) as cases_open,
        sum(states.amount) as open_amount
    from days
    inner join states
        on
            days.date_day >= states.known_from
            and days.date_day < states.known_to
            and states.disposition = 'WATCH'
            and states.verdicts < states.alerts
    inner join desks on days.date_day < states.last_payment_on + desks.undisputed_after_days
    group by days.date_day
),

confirmed as (
    select
        days.date_day,
        count(*) as confirmed,
        count(distinct coalesce(payments.line_key, payments.number_key)) as confirmed_payers,
        sum(payments.amount) as confirmed_amount
    from days
    inner join known_frauds
        on
            days.date_day >= known_frauds.known_from
            and days.date_day < coalesce(known_frauds.known_to, date '9999-12-31')
    inner join payments on known_frauds.payment_id = payments.payment_id
    group by days.date_day
),

-- cells that served in the last seven days, and that no list had cleared
acting as (
    select
        days.date_day,
        count(distinct cells.cell_id) as cells_in_action
    from days
    inner join cells
        on
            days.date_day >= cells.date_day
            and {{ days_between('cells.date_day', 'days.date_day') }} < 7
            and days.date_day + 1 >= cells.first_known_on
            and days.date_day < coalesce(cells.cleared_on, date '9999-12-31')
    group by days.date_day
),

final as (
    select
        days.date_day as as_of_date,
        coalesce(alerted.alerts, 0) as alerts,
        coalesce(alerted.alerted_cases, 0) as alerted_cases,
        cast(coalesce(alerted.alerted_amount, 0) as bigint) as alerted_amount,
        coalesce(opened.cases_opened, 0) as cases_opened,
        coalesce(open_cases.cases_open, 0) as cases_open,
        cast(coalesce(open_cases.open_amount, 0) as bigint) as open_amount,
        coalesce(confirmed.confirmed, 0) as confirmed,
        coalesce(confirmed.confirmed_payers, 0) as confirmed_payers,
        cast(coalesce(confirmed.confirmed_amount, 0) as bigint) as confirmed_amount,
        coalesce(acting.cells_in_action, 0) as cells_in_action
    from days
    left join alerted on days.date_day = alerted.date_day
    left join opened on days.date_day = opened.date_day
    left join open_cases on days.date_day = open_cases.date_day
    left join confirmed on days.date_day = confirmed.date_day
    left join acting on days.date_day = acting.date_day
)

select * from final
