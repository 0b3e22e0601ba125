with claims as (
    select
        *,
        exclusion is null as is_covered
    from {{ ref('waiver_claim') }}
),

states as (
    select
        *,
        state in ('UNDECIDED', 'PAID', 'REFUSED') as is_asked,
        state in ('UNDECIDED', 'UNASKED') as is_open
    from {{ ref('int_waiver_claim_state') }}
),

-- a claim has up to three days: asked back, paid back, refused; the first of the last two answers it
happened as (
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
    union all
    select
        'ANSWERED' as event,
        coalesce(least(refunded_on, refused_on), refunded_on, refused_on) as date_day,
        charged_amount as amount,
        *
    from claims
    where
        refunded_on is not null
        or refused_on is not null
),

daily as (
    select
        incident_id,
        date_day,
        count(*) filter (where event = 'REQUESTED') as requested,
        sum(amount) filter (where event = 'REQUESTED') as requested_amount,
        count(*) filter (where event = 'REFUNDED') as refunded,
        sum(amount) filter (where event = 'REFUNDED') as refunded_amount,
        count(*) filter (where event = 'REFUNDED' and not is_covered) as refunded_though_excluded,
        count(*) filter (where event = 'REFUSED') as refused,
        sum(amount) filter (where event = 'REFUSED') as refused_amount,
        count(*) filter (where event = 'REFUSED' and is_covered) as refused_though_covered,
        count(*) filter (where event = 'ANSWERED') as answered
    from happened
    group by incident_id, date_day
),

-- a state counts from the day on which it begins to the one on which it ends
turns as (
    select
        holds_from as date_day,
        1 as sign,
        *
    from states
    union all
    select
        holds_to as date_day,
        -1 as sign,
        *
    from states
    where holds_to is not null
),

turned as (
    select
        incident_id,
        date_day,
        sum(sign) as claims_covered,
        sum(sign * charged_amount) as claims_covered_amount,
        sum(sign) filter (where is_asked) as claims_asked,
        sum(sign * charged_amount) filter (where is_asked) as claims_asked_amount,
        sum(sign) filter (where not is_asked) as claims_not_asked,
        sum(sign * charged_amount) filter (where not is_asked) as claims_not_asked_amount,
        sum(sign) filter (where state = 'PAID') as claims_paid,
        sum(sign * paid_amount) as claims_paid_amount,
        sum(sign) filter (where state = 'REFUSED') as claims_refused,
        sum(sign * refused_amount) as claims_refused_amount,
        sum(sign) filter (where state = 'LAPSED') as claims_lapsed,
        sum(sign * charged_amount) filter (where state = 'LAPSED') as claims_lapsed_amount,
        sum(sign) filter (where is_open) as claims_open,
        sum(sign * charged_amount) filter (where is_open) as claims_open_amount
    from turns
    group by incident_id, date_day
),

-- of the kinds of line that have a claim
coverage as (
    select
        incident_id,
        case when count(lines_all) = count(*) then 100e0 * sum(lines_billed) / sum(lines_all) end as coverage_pct
    from {{ ref('int_panel') }}
    where
        occasion = 'CLAIMS'
        and line_type in (select states.line_type from states)
    group by incident_id
),

days as (
    select
        incident_id,
        date_day
    from daily
    union
    select
        incident_id,
        date_day
    from turned
),

final as (
    select
        days.incident_id,
        days.date_day,
        coverage.coverage_pct,
        cast(coalesce(sum(turned.claims_covered) over so_far, 0) as bigint) as claims_covered,
        cast(coalesce(sum(turned.claims_covered_amount) over so_far, 0) as bigint) as claims_covered_amount,
        cast(coalesce(sum(turned.claims_asked) over so_far, 0) as bigint) as claims_asked,
        cast(coalesce(sum(turned.claims_asked_amount) over so_far, 0) as bigint) as claims_asked_amount,
        cast(coalesce(sum(turned.claims_not_asked) over so_far, 0) as bigint) as claims_not_asked,
        cast(coalesce(sum(turned.claims_not_asked_amount) over so_far, 0) as bigint) as claims_not_asked_amount,
        cast(coalesce(sum(turned.claims_paid) over so_far, 0) as bigint) as claims_paid,
        cast(coalesce(sum(turned.claims_paid_amount) over so_far, 0) as bigint) as claims_paid_amount,
        cast(coalesce(sum(turned.claims_refused) over so_far, 0) as bigint) as claims_refused,
        cast(coalesce(sum(turned.claims_refused_amount) over so_far, 0) as bigint) as claims_refused_amount,
        cast(coalesce(sum(turned.claims_lapsed) over so_far, 0) as bigint) as claims_lapsed,
        cast(coalesce(sum(turned.claims_lapsed_amount) over so_far, 0) as bigint) as claims_lapsed_amount,
        cast(coalesce(sum(turned.claims_open) over so_far, 0) as bigint) as claims_open,
        cast(coalesce(sum(turned.claims_open_amount) over so_far, 0) as bigint) as claims_open_amount,
        cast(coalesce(daily.requested, 0) as bigint) as requested,
        cast(coalesce(daily.requested_amount, 0) as bigint) as requested_amount,
        cast(coalesce(daily.refunded, 0) as bigint) as refunded,
        cast(coalesce(daily.refunded_amount, 0) as bigint) as refunded_amount,
        cast(coalesce(daily.refunded_though_excluded, 0) as bigint) as refunded_though_excluded,
        cast(coalesce(daily.refused, 0) as bigint) as refused,
        cast(coalesce(daily.refused_amount, 0) as bigint) as refused_amount,
        cast(coalesce(daily.refused_though_covered, 0) as bigint) as refused_though_covered,
        cast(coalesce(sum(daily.requested - daily.answered) over so_far, 0) as bigint) as undecided
    from days
    left join daily
        on
            days.incident_id = daily.incident_id
            and days.date_day = daily.date_day
    left join turned
        on
            days.incident_id = turned.incident_id
            and days.date_day = turned.date_day
    left join coverage on days.incident_id = coverage.incident_id
    window so_far as (
        partition by days.incident_id
        order by days.date_day
        rows between unbounded preceding and current row
    )
)

select * from final
