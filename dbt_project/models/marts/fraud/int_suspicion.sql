with told as (
    {{ of_every_kind('int_suspicion', subject_kinds() + ['number']) }}
),

decisions as (
    select * from {{ ref('int_case_decision') }}
),

reasons as (
    select * from {{ ref('suspicion_reasons') }}
),

subjects as (
    select distinct
        case_id,
        subject_kind,
        subject_key,
        number_key
    from told
),

confirmed as (
    select
        subjects.case_id,
        subjects.subject_kind,
        subjects.subject_key,
        subjects.number_key,
        'DESK' as reason,
        decisions.dt + 1 as known_on,
        cast(null as date) as cleared_on
    from decisions
    inner join subjects on decisions.case_id = subjects.case_id
    where decisions.disposition = 'CONFIRMED'
    group by all
),

evidence as (
    select * from told
    union all
    select * from confirmed
),

-- what the desk cleared stays cleared for as long as its decisions hold, or until it decides otherwise
cleared as (
    select
        decisions.case_id,
        decisions.dt + 1 as cleared_on,
        least(decisions.dt + reasons.valid_days, coalesce(decisions.next_dt, date '9999-12-31')) as cleared_to
    from decisions
    inner join subjects on decisions.case_id = subjects.case_id
    inner join reasons
        on
            subjects.subject_kind = reasons.subject_kind
            and reasons.reason = 'DESK'
    where decisions.disposition = 'CLEARED'
),

judged as (
    select
        evidence.case_id,
        evidence.subject_kind,
        evidence.subject_key,
        evidence.number_key,
        evidence.reason,
        evidence.known_on,
        least(
            evidence.cleared_on,
            min(greatest(cleared.cleared_on, evidence.known_on)) filter (where cleared.case_id is not null)
        ) as cleared_on
    from evidence
    left join cleared
        on
            evidence.case_id = cleared.case_id
            and evidence.known_on <= cleared.cleared_to
    group by
        evidence.case_id, evidence.subject_kind, evidence.subject_key, evidence.number_key, evidence.reason,
        evidence.known_on, evidence.cleared_on
),

final as (
    select
        judged.*,
        reasons.score,
        case when reasons.is_blocking then judged.known_on + reasons.waits_days end as listed_from,
        case
            when reasons.is_blocking then least(judged.known_on + reasons.valid_days, judged.cleared_on)
        end as listed_to
    from judged
    inner join reasons
        on
            judged.reason = reasons.reason
            and judged.subject_kind = reasons.subject_kind
            and reasons.is_enabled
)

select * from final
