-- as the day after each day knew it: every change of a count that had been delivered by its end
with mornings as (
    select * from {{ ref('int_incident_morning') }}
),

changes as (
    select * from {{ ref('port_restatement') }}
    where donor_group <> recipient_group
),

final as (
    select
        mornings.incident_id,
        mornings.as_of_date,
        changes.processed_on as date_day,
        cast(sum(case when changes.donor_group = mornings.provider_group then changes.change else 0 end) as bigint)
            as port_outs,
        cast(sum(case when changes.recipient_group = mornings.provider_group then changes.change else 0 end) as bigint)
            as port_ins
    from mornings
    inner join changes
        on
            changes.processed_on between mornings.starts_on and mornings.as_of_date
            and {{ days_between('mornings.as_of_date', 'changes.known_on') }} <= 1
            and mornings.provider_group in (changes.donor_group, changes.recipient_group)
    group by mornings.incident_id, mornings.as_of_date, changes.processed_on
)

select * from final
