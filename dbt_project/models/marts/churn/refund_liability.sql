{%- set counts = ['covered', 'asked', 'paid', 'refused', 'lapsed', 'open'] -%}

with refunds as (
    select * from {{ ref('waiver_refunds') }}
),

waivers as (
    select * from {{ ref('int_waiver') }}
),

calendar as (
    select * from {{ ref('dim_date') }}
),

nowcasts as (
    select * from {{ ref('int_incident_nowcast') }}
    where target = 'PORT_OUTS_FINAL'
),

amounts as (
    select * from {{ ref('incident_amount') }}
    where
        relation = 'waiver_refunds'
        and measure = 'claims_covered_amount'
),

-- every day, with what stood by its end
spans as (
    select
        waivers.incident_id,
        waivers.starts_on,
        waivers.claims_until,
        min(refunds.date_day) as first_on,
        greatest(max(refunds.date_day), {{ data_end('termination_fees', [ref('waiver_claim')]) }}) as last_on
    from waivers
    inner join refunds on waivers.incident_id = refunds.incident_id
    group by waivers.incident_id, waivers.starts_on, waivers.claims_until
),

days as (
    select
        spans.*,
        calendar.date_day
    from spans
    inner join calendar on calendar.date_day between spans.first_on and spans.last_on
),

stood as (
    select
        days.incident_id,
        days.date_day,
        days.starts_on,
        days.claims_until,
        {%- for count in counts %}
            {{ last_by('refunds.claims_' ~ count, 'refunds.date_day') }} as claims_{{ count }},
            {{ last_by('refunds.claims_' ~ count ~ '_amount', 'refunds.date_day') }} as claims_{{ count }}_amount,
        {%- endfor %}
        {{ last_by('refunds.claims_covered', 'refunds.date_day') }} filter (where refunds.date_day < days.starts_on)
            as claims_before,
        {{ last_by('refunds.claims_covered_amount', 'refunds.date_day') }} filter (
            where refunds.date_day < days.starts_on
        ) as claims_before_amount
    from days
    inner join refunds
        on
            days.incident_id = refunds.incident_id
            and days.date_day >= refunds.date_day
    group by days.incident_id, days.date_day, days.starts_on, days.claims_until
),

-- what part of the covered has been asked back once nobody can ask any more: of this waiver, or of those before it
closed as (
    select
        incident_id,
        claims_until,
        1e0 * {{ last_by('claims_asked_amount', 'date_day') }}
        / nullif({{ last_by('claims_covered_amount', 'date_day') }}, 0) as take_up
    from stood
    where date_day > claims_until
    group by incident_id, claims_until
),

taken_up as (
    select
        stood.incident_id,
        stood.date_day,
        {{ last_by('closed.take_up', 'closed.claims_until') }} as take_up,
        bool_or(stood.incident_id = closed.incident_id) as is_own
    from stood
    inner join closed on stood.date_day > closed.claims_until
    group by stood.incident_id, stood.date_day
),

-- departures still to come bring claims like those of the days so far
ahead as (
    select
        stood.*,
        coalesce(taken_up.take_up, 1e0) as take_up,
        case
            when taken_up.is_own then 'OWN'
            when taken_up.take_up is not null then 'EARLIER'
            else 'ALL_ASK'
        end as take_up_basis,
        amounts.estimate / nullif(amounts.covered_sum, 0) as lines_per_billed_line,
        coalesce(nowcasts.estimate / nullif(nowcasts.known, 0), 1e0) as growth,
        coalesce(nowcasts.low_80 / nullif(nowcasts.known, 0), 1e0) as growth_low,
        coalesce(nowcasts.high_80 / nullif(nowcasts.known, 0), 1e0) as growth_high,
        coalesce(stood.claims_before, 0) as claims_old,
        coalesce(stood.claims_before_amount, 0) as claims_old_amount
    from stood
    left join taken_up
        on
            stood.incident_id = taken_up.incident_id
            and stood.date_day = taken_up.date_day
    left join nowcasts
        on
            stood.incident_id = nowcasts.incident_id
            and stood.date_day = nowcasts.as_of_date
            and not nowcasts.is_hindsight
    left join amounts on stood.incident_id = amounts.incident_id
),

expected as (
    select
        *,
        take_up * (claims_old + (claims_covered - claims_old) * growth) as claims,
        take_up * (claims_old_amount + (claims_covered_amount - claims_old_amount) * growth) as amount,
        take_up * (claims_old_amount + (claims_covered_amount - claims_old_amount) * growth_low) as amount_low,
        take_up * (claims_old_amount + (claims_covered_amount - claims_old_amount) * growth_high) as amount_high
    from ahead
),

final as (
    select
        incident_id,
        date_day,
        {%- for count in counts %}
            claims_{{ count }},
            claims_{{ count }}_amount,
        {%- endfor %}
        100e0 * take_up as take_up_pct,
        take_up_basis,
        cast(round(greatest(claims_asked, claims)) as bigint) as expected_claims,
        cast(round(greatest(claims_asked_amount, amount)) as bigint) as expected_amount,
        cast(round(lines_per_billed_line * greatest(claims_asked_amount, amount)) as bigint)
            as expected_amount_all_lines,
        cast(round(lines_per_billed_line * greatest(claims_asked_amount, amount_low)) as bigint)
            as expected_all_low_80,
        cast(round(lines_per_billed_line * greatest(claims_asked_amount, amount_high)) as bigint)
            as expected_all_high_80
    from expected
)

select * from final
