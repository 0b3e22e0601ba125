with claims as (
    select
        *,
        exclusion is null as is_eligible
    from {{ ref('waiver_claim') }}
),

-- a claim has up to four days: charged, asked back, paid back, refused
happened as (
    select
        'CHARGED' as event,
        charged_on as date_day,
        charged_amount as amount,
        *
    from claims
    union all
    select
        'REQUESTED' as event,
        requested_on as date_day,
        charged_amount as amount,
        *
    from claims
    where requested_on is not null
    union all
    select
        'REFUNDED' as event,
        refunded_on as date_day,
        refunded_amount as amount,
        *
    from claims
    where refunded_on is not null
    union all
    select
        'REFUSED' as event,
        refused_on as date_day,
        charged_amount as amount,
        *
    from claims
    where refused_on is not null
),

reasoned as (
    select
        *,
        case
            when event <> 'REFUSED' then null
            when
                refusal_reason in (
                    'JOINED_SINCE', 'RECONTRACTED_SINCE', 'RETURNED', 'IOT', 'MVNO', 'EX_OFFICIO', 'OUTSIDE_WINDOW'
                )
                then refusal_reason
            else 'OTHER'
        end as refusal
    from happened
),

daily as (
    select
        incident_id,
        date_day,
        count(*) filter (where event = 'CHARGED' and is_eligible) as eligible,
        sum(amount) filter (where event = 'CHARGED' and is_eligible) as eligible_amount,
        count(*) filter (where event = 'REQUESTED') as requested,
        sum(amount) filter (where event = 'REQUESTED') as requested_amount,
        count(*) filter (where event = 'REFUNDED') as refunded,
        sum(amount) filter (where event = 'REFUNDED') as refunded_amount,
        count(*) filter (where event = 'REFUNDED' and not is_eligible) as refunded_though_excluded,
        count(*) filter (where event = 'REFUSED') as refused,
        sum(amount) filter (where event = 'REFUSED') as refused_amount,
        count(*) filter (where refusal = 'JOINED_SINCE') as refused_joined_since,
        count(*) filter (where refusal = 'RECONTRACTED_SINCE') as refused_recontracted_since,
        count(*) filter (where refusal = 'RETURNED') as refused_returned,
        count(*) filter (where refusal = 'IOT') as refused_iot,
        count(*) filter (where refusal = 'MVNO') as refused_mvno,
        count(*) filter (where refusal = 'EX_OFFICIO') as refused_ex_officio,
        count(*) filter (where refusal = 'OUTSIDE_WINDOW') as refused_outside_window,
        count(*) filter (where refusal = 'OTHER') as refused_other,
        count(*) filter (where event = 'REFUSED' and is_eligible) as refused_though_eligible
    from reasoned
    group by incident_id, date_day
),

final as (
    select
        incident_id,
        date_day,
        eligible,
        cast(coalesce(eligible_amount, 0) as bigint) as eligible_amount,
        requested,
        cast(coalesce(requested_amount, 0) as bigint) as requested_amount,
        refunded,
        cast(coalesce(refunded_amount, 0) as bigint) as refunded_amount,
        refunded_though_excluded,
        refused,
        cast(coalesce(refused_amount, 0) as bigint) as refused_amount,
        refused_joined_since,
        refused_recontracted_since,
        refused_returned,
        refused_iot,
        refused_mvno,
        refused_ex_officio,
        refused_outside_window,
        refused_other,
        refused_though_eligible,
        cast(sum(requested - refunded - refused) over so_far as bigint) as undecided
    from daily
    window so_far as (
        partition by incident_id
        order by date_day
        rows between unbounded preceding and current row
    )
)

select * from final
