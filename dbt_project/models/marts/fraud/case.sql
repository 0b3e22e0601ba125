with cases as (
    select * from {{ ref('int_case_line') }}
    union all
    select * from {{ ref('int_case_subject') }}
    union all
    select * from {{ ref('int_case_audit') }}
),

desks as (
    select * from {{ ref('int_desk_day') }}
),

decisions as (
    select * from {{ ref('int_case_decision') }}
    where is_latest
),

judged as (
    select
        cases.*,
        decisions.disposition,
        decisions.decided_at,
        decisions.dt as disposition_dt,
        cases.score * cases.amount as priority,
        cases.last_evidence_on + desks.undisputed_after_days as lapses_on,
        -- what this morning looks at by chance: it would never be looked at otherwise
        cases.subject_kind = 'AUDIT' and cases.opened_on > desks.last_on as is_drawn,
        -- of a cell that was cleared, what came long after is undecided again; a line's next episode is another case
        (
            coalesce(decisions.disposition, 'WATCH') = 'WATCH'
            or (decisions.disposition = 'CLEARED' and cases.subject_key is not null)
        )
        and cases.is_undecided
        and desks.last_on < cases.last_evidence_on + desks.undisputed_after_days as is_open
    from cases
    cross join desks
    left join decisions on cases.case_id = decisions.case_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by opened_on
            order by subject_kind = 'AUDIT' desc, opening_priority desc, case_id asc
        ) as opening_rank,
        row_number() over (
            partition by is_open
            order by is_drawn desc, priority desc, case_id asc
        ) as place
    from judged
),

final as (
    select
        ranked.case_id,
        ranked.subject_kind,
        ranked.subject_key,
        ranked.line_key,
        ranked.number_key,
        ranked.cell_id,
        ranked.opened_on,
        ranked.last_alerted_on,
        ranked.first_payment_at,
        ranked.last_payment_at,
        ranked.alerts,
        ranked.alerts_decided,
        ranked.alerts_confirmed,
        ranked.numbers_exposed,
        ranked.payments_since,
        ranked.amount,
        ranked.lost_amount,
        ranked.tomorrow_amount,
        ranked.score,
        ranked.reasons,
        ranked.priority,
        cast(ranked.opening_rank as bigint) as opening_rank,
        ranked.opening_rank <= desks.cases_per_day as was_within_budget,
        ranked.disposition,
        ranked.decided_at,
        ranked.disposition_dt,
        ranked.lapses_on,
        ranked.is_open,
        cast(case when ranked.is_open then ranked.place end as bigint) as queue_position,
        ranked.is_open and ranked.place <= desks.cases_per_day as is_for_today
    from ranked
    cross join desks
)

select * from final
