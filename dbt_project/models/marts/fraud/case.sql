with alerts as (
    select
        *,
        coalesce(line_key, number_key) as party_key
    from {{ ref('alert') }}
),

desks as (
    select * from {{ ref('int_desk_day') }}
),

-- a case keeps the decisions on a payment that once opened it, though an earlier one came in later
decisions as (
    select
        alerts.case_id,
        dispositions.disposition,
        dispositions.decided_at,
        dispositions.dt,
        row_number() over (
            partition by alerts.case_id
            order by dispositions.decided_at desc, dispositions.dt desc, dispositions.case_id asc
        ) as recency
    from {{ ref('stg_desk__dispositions') }} as dispositions
    inner join alerts on {{ payment_of_case('dispositions.case_id') }} = alerts.payment_id
),

per_case as (
    select
        case_id,
        {{ last_by('line_key', 'occurred_at') }} as line_key,
        {{ last_by('number_key', 'occurred_at') }} as number_key,
        min({{ local_date('first_alerted_at') }}) as opened_on,
        max({{ local_date('first_alerted_at') }}) as last_alerted_on,
        min(occurred_at) as first_payment_at,
        max(occurred_at) as last_payment_at,
        max(occurred_on) as last_payment_on,
        count(*) as alerts,
        count(*) filter (where verdict is not null) as alerts_decided,
        count(*) filter (where verdict = 'CONFIRMED_FRAUD') as alerts_confirmed,
        cast(sum(amount) as bigint) as amount,
        cast(sum(lost_amount) as bigint) as lost_amount,
        max(score) as score
    from alerts
    group by case_id
),

-- the score and the amount by which the desk saw the case on the day that it was opened
on_opening as (
    select
        alerts.case_id,
        max(alerts.score) * cast(sum(alerts.amount) as bigint) as priority
    from alerts
    inner join per_case
        on
            alerts.case_id = per_case.case_id
            and {{ local_date('alerts.first_alerted_at') }} = per_case.opened_on
    group by alerts.case_id
),

judged as (
    select
        per_case.*,
        decisions.disposition,
        decisions.decided_at,
        decisions.dt as disposition_dt,
        on_opening.priority as opening_priority,
        per_case.score * per_case.amount as priority,
        per_case.last_payment_on + desks.undisputed_after_days as lapses_on,
        coalesce(decisions.disposition, 'WATCH') = 'WATCH'
        and per_case.alerts_decided < per_case.alerts
        and desks.last_on < per_case.last_payment_on + desks.undisputed_after_days as is_open
    from per_case
    cross join desks
    inner join on_opening on per_case.case_id = on_opening.case_id
    left join decisions
        on
            per_case.case_id = decisions.case_id
            and decisions.recency = 1
),

ranked as (
    select
        *,
        row_number() over (partition by opened_on order by opening_priority desc, case_id asc) as opening_rank,
        case
            when is_open then row_number() over (partition by is_open order by priority desc, case_id asc)
        end as queue_position
    from judged
),

final as (
    select
        ranked.case_id,
        ranked.line_key,
        ranked.number_key,
        ranked.opened_on,
        ranked.last_alerted_on,
        ranked.first_payment_at,
        ranked.last_payment_at,
        ranked.alerts,
        ranked.alerts_decided,
        ranked.alerts_confirmed,
        ranked.amount,
        ranked.lost_amount,
        ranked.score,
        ranked.priority,
        ranked.opening_rank,
        ranked.opening_rank <= desks.cases_per_day as was_within_budget,
        ranked.disposition,
        ranked.decided_at,
        ranked.disposition_dt,
        ranked.lapses_on,
        ranked.is_open,
        ranked.queue_position,
        coalesce(ranked.queue_position <= desks.cases_per_day, false) as is_for_today
    from ranked
    cross join desks
)

select * from final
