with alerts as (
    select * from {{ ref('alert') }}
),

desks as (
    select * from {{ ref('int_desk_day') }}
),

per_case as (
    select
        alerts.case_id,
        {{ last_by('alerts.line_key', '(alerts.occurred_at, alerts.payment_id)') }} as line_key,
        {{ last_by('alerts.number_key', '(alerts.occurred_at, alerts.payment_id)') }} as number_key,
        {{ last_by('alerts.cell_id', '(alerts.occurred_at, alerts.payment_id)') }} as cell_id,
        min({{ local_date('alerts.first_alerted_at') }}) as opened_on,
        max({{ local_date('alerts.first_alerted_at') }}) as last_alerted_on,
        min(alerts.occurred_at) as first_payment_at,
        max(alerts.occurred_at) as last_payment_at,
        max(alerts.occurred_on) as last_evidence_on,
        count(*) as alerts,
        count(*) filter (where alerts.verdict is not null) as alerts_decided,
        count(*) filter (where alerts.verdict = 'CONFIRMED_FRAUD') as alerts_confirmed,
        count(distinct alerts.number_key) as numbers_exposed,
        count(*) as payments_since,
        cast(sum(alerts.amount) as bigint) as amount,
        cast(sum(alerts.lost_amount) as bigint) as lost_amount,
        cast(coalesce(sum(alerts.lost_amount) filter (where alerts.occurred_on = desks.last_on), 0) as bigint)
            as tomorrow_amount,
        max(alerts.score) as score,
        {{ last_by('alerts.reasons', '(alerts.score, alerts.payment_id)') }} as reasons
    from alerts
    cross join desks
    group by alerts.case_id
),

-- the score and the amount by which the desk saw the case on the day that it was opened
on_opening as (
    select
        alerts.case_id,
        max(alerts.score) * cast(sum(alerts.amount) as bigint) as opening_priority
    from alerts
    inner join per_case
        on
            alerts.case_id = per_case.case_id
            and {{ local_date('alerts.first_alerted_at') }} = per_case.opened_on
    group by alerts.case_id
),

final as (
    select
        per_case.case_id,
        'NUMBER' as subject_kind,
        cast(null as string) as subject_key,
        per_case.line_key,
        per_case.number_key,
        per_case.cell_id,
        per_case.opened_on,
        per_case.last_alerted_on,
        per_case.first_payment_at,
        per_case.last_payment_at,
        per_case.last_evidence_on,
        per_case.alerts,
        per_case.alerts_decided,
        per_case.alerts_confirmed,
        per_case.numbers_exposed,
        per_case.payments_since,
        per_case.amount,
        per_case.lost_amount,
        per_case.tomorrow_amount,
        per_case.score,
        per_case.reasons,
        on_opening.opening_priority,
        per_case.alerts_decided < per_case.alerts as is_undecided
    from per_case
    inner join on_opening on per_case.case_id = on_opening.case_id
)

select * from final
