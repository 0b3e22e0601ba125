with nowcasts as (
    select * from {{ ref('int_incident_nowcast') }}
),

incidents as (
    select * from {{ ref('dim_incident') }}
),

provider_days as (
    select * from {{ ref('provider_daily') }}
),

headlines as (
    select * from {{ ref('incident_headline') }}
),

-- a waiver's claims, once nobody can ask any more
refunds as (
    select
        refunds.incident_id,
        {{ last_by('refunds.claims_asked', 'refunds.date_day') }} as claims_asked
    from {{ ref('waiver_refunds') }} as refunds
    inner join incidents on refunds.incident_id = incidents.incident_id
    where incidents.claims_until < {{ data_end('termination_fees', [ref('waiver_claim')]) }}
    group by refunds.incident_id
),

-- what came: of a day, its departures; of the end, what the headline of the last day says
actuals as (
    select
        nowcasts.*,
        case nowcasts.target
            when 'PORT_OUTS_FINAL' then headlines.port_outs_cumulative
            when 'NET_ADDS_FINAL' then headlines.net_adds_cumulative
            when 'PORT_OUTS_NEXT_DAY' then provider_days.port_outs
            when 'REFUNDS_FINAL' then refunds.claims_asked
        end as actual
    from nowcasts
    inner join incidents on nowcasts.incident_id = incidents.incident_id
    left join headlines
        on
            nowcasts.incident_id = headlines.incident_id
            and incidents.ends_on = headlines.as_of_date
    left join provider_days
        on
            incidents.provider_group = provider_days.provider_group
            and nowcasts.target_on = provider_days.date_day
    left join refunds on nowcasts.incident_id = refunds.incident_id
),

final as (
    select
        incident_id,
        cast(as_of_date as date) as as_of_date,
        target,
        is_hindsight,
        processing_day,
        processing_days,
        cast(round(estimate) as bigint) as estimate,
        cast(actual as bigint) as actual,
        100e0 * (estimate - actual) / nullif(abs(actual), 0) as error_pct,
        actual between low_50 and high_50 as is_within_50,
        actual between low_80 and high_80 as is_within_80,
        actual between low_95 and high_95 as is_within_95
    from actuals
    where
        actual is not null
        and (target <> 'PORT_OUTS_NEXT_DAY' or as_of_date < target_on)
        and processing_day < processing_days
)

select * from final
