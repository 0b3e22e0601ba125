with decisions as (
    select * from {{ ref('int_case_decision') }}
),

-- the decision that counts in the end
verdicts as (
    select
        case_id,
        disposition
    from decisions
    where is_latest
),

final as (
    select
        {{ local_date('decisions.decided_at') }} as decided_on,
        decisions.analyst_key,
        count(*) filter (where decisions.disposition <> 'WATCH') as decided,
        count(*) filter (where decisions.disposition = 'CONFIRMED') as confirmed,
        count(*) filter (where decisions.disposition = 'CLEARED') as cleared,
        count(*) filter (where decisions.disposition = 'WATCH') as watched,
        count(*) filter (
            where decisions.disposition <> 'WATCH' and verdicts.disposition not in (decisions.disposition, 'WATCH')
        ) as overruled,
        100e0 * count(*) filter (where decisions.disposition = 'CONFIRMED')
        / nullif(count(*) filter (where decisions.disposition <> 'WATCH'), 0) as precision_pct
    from decisions
    inner join verdicts on decisions.case_id = verdicts.case_id
    where not decisions.is_corrected
    group by {{ local_date('decisions.decided_at') }}, decisions.analyst_key
)

select * from final
