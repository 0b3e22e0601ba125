with suspicions as (
    select * from {{ ref('int_suspicion') }}
    where
        subject_kind <> 'NUMBER'
        and reason <> 'DESK'
),

contacts as (
    {{ of_every_kind('int_contact') }}
),

flagged as (
    select * from {{ ref('int_flagged_payment') }}
),

desks as (
    select * from {{ ref('int_desk_day') }}
),

reasons as (
    select
        case_id,
        {{ ordered_list('reason', 'reason') }} as reasons
    from (
        select distinct
            case_id,
            reason
        from suspicions
    ) as given
    group by case_id
),

suspected as (
    select
        case_id,
        subject_kind,
        subject_key,
        min(known_on) as opened_on,
        max(known_on) as last_alerted_on,
        max(score) as score,
        count(*) > count(cleared_on) as is_undecided
    from suspicions
    group by case_id, subject_kind, subject_key
),

done as (
    select
        suspected.case_id,
        min(contacts.contact_at) as first_payment_at,
        max(contacts.contact_at) as last_payment_at,
        count(distinct contacts.number_key) as numbers_exposed,
        count(contacts.payment_id) filter (
            where {{ local_date('contacts.contact_at') }} >= suspected.opened_on
        ) as payments_since,
        count(*) filter (where flagged.is_alerted) as alerts,
        count(*) filter (where flagged.is_alerted and flagged.verdict is not null) as alerts_decided,
        count(*) filter (where flagged.is_alerted and flagged.is_confirmed) as alerts_confirmed,
        cast(coalesce(sum(flagged.attempted_amount) filter (where flagged.is_alerted), 0) as bigint) as amount,
        cast(coalesce(sum(flagged.lost_amount), 0) as bigint) as lost_amount,
        cast(coalesce(sum(flagged.lost_amount) filter (where flagged.occurred_on = desks.last_on), 0) as bigint)
            as tomorrow_amount,
        max(flagged.score) as score,
        cast(coalesce(sum(flagged.attempted_amount) filter (
            where {{ local_date('flagged.first_alerted_at') }} <= suspected.opened_on
        ), 0) as bigint) as opening_amount
    from suspected
    inner join contacts on suspected.case_id = contacts.case_id
    cross join desks
    left join flagged on contacts.payment_id = flagged.payment_id
    group by suspected.case_id
),

final as (
    select
        suspected.case_id,
        suspected.subject_kind,
        suspected.subject_key,
        cast(null as {{ key_type() }}) as line_key,
        cast(null as {{ key_type() }}) as number_key,
        case when suspected.subject_kind = 'CELL' then suspected.subject_key end as cell_id,
        suspected.opened_on,
        suspected.last_alerted_on,
        done.first_payment_at,
        done.last_payment_at,
        suspected.last_alerted_on as last_evidence_on,
        done.alerts,
        done.alerts_decided,
        done.alerts_confirmed,
        done.numbers_exposed,
        done.payments_since,
        done.amount,
        done.lost_amount,
        done.tomorrow_amount,
        greatest(suspected.score, coalesce(done.score, 0)) as score,
        reasons.reasons,
        suspected.score * done.opening_amount as opening_priority,
        suspected.is_undecided
    from suspected
    inner join done on suspected.case_id = done.case_id
    inner join reasons on suspected.case_id = reasons.case_id
)

select * from final
