with suspicions as (
    select * from {{ ref('int_suspicion') }}
    where listed_from < listed_to
),

desks as (
    select last_on + 1 as list_on
    from {{ ref('int_desk_day') }}
),

-- since the first list that held it for this reason, however often it was found again
listed as (
    select
        suspicions.case_id,
        suspicions.subject_kind,
        suspicions.subject_key,
        suspicions.reason,
        desks.list_on,
        {{ last_by('suspicions.number_key', '(suspicions.known_on, suspicions.number_key)') }} as number_key,
        min(suspicions.listed_from) as since,
        max(suspicions.listed_to) as listed_to
    from suspicions
    inner join desks on suspicions.listed_from <= desks.list_on
    group by
        suspicions.case_id, suspicions.subject_kind, suspicions.subject_key, suspicions.reason, desks.list_on
),

final as (
    select
        case_id,
        subject_kind,
        subject_key,
        max(number_key) as number_key,
        list_on,
        min(since) as since,
        max(listed_to) - 1 as valid_until,
        {{ ordered_list('reason', 'reason') }} as reasons
    from listed
    where listed_to > list_on
    group by case_id, subject_kind, subject_key, list_on
)

select * from final
