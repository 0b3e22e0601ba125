-- a waiver's claims as the morning after each day of its window could know them, and how many of an earlier one's asked
with mornings as (
    select * from {{ ref('int_incident_morning') }}
),

waivers as (
    select * from {{ ref('int_waiver') }}
),

claims as (
    select
        claims.*,
        fees.first_dt,
        case when claims.requested_on is not null then fees.requested_dt end as requested_dt
    from {{ ref('waiver_claim') }} as claims
    inner join {{ ref('int_termination_fee') }} as fees
        on
            claims.line_key = fees.line_key
            and claims.fee_no = fees.fee_no
    where
        claims.excluded_on is null
        or claims.excluded_on > claims.charged_on
),

known as (
    select
        mornings.incident_id,
        mornings.as_of_date,
        count(*) filter (where claims.charged_on < mornings.starts_on) as claims_before,
        count(*) filter (where claims.charged_on >= mornings.starts_on) as claims_within,
        count(*) filter (where claims.requested_dt <= mornings.as_of_date) as claims_asked
    from mornings
    inner join claims
        on
            mornings.incident_id = claims.incident_id
            and mornings.as_of_date >= claims.first_dt
            and mornings.as_of_date >= claims.charged_on
            and coalesce(mornings.as_of_date < claims.excluded_on, true)
    group by mornings.incident_id, mornings.as_of_date
),

over_by_then as (
    select
        claims.incident_id,
        waivers.claims_until,
        count(*) as claims,
        count(claims.requested_dt) as claims_asked
    from waivers
    inner join claims on waivers.incident_id = claims.incident_id
    where claims.excluded_on is null
    group by claims.incident_id, waivers.claims_until
),

earlier as (
    select
        known.incident_id,
        known.as_of_date,
        {{ last_by('over_by_then.claims', 'over_by_then.claims_until') }} as earlier_claims,
        {{ last_by('over_by_then.claims_asked', 'over_by_then.claims_until') }} as earlier_asked
    from known
    inner join over_by_then on known.as_of_date > over_by_then.claims_until
    group by known.incident_id, known.as_of_date
),

final as (
    select
        known.incident_id,
        known.as_of_date,
        known.claims_before,
        known.claims_within,
        known.claims_asked,
        coalesce(earlier.earlier_claims, 0) as earlier_claims,
        coalesce(earlier.earlier_asked, 0) as earlier_asked
    from known
    left join earlier
        on
            known.incident_id = earlier.incident_id
            and known.as_of_date = earlier.as_of_date
)

select * from final
