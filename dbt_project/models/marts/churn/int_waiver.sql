{{ config(materialized='view') }}

with incidents as (
    select * from {{ ref('dim_incident') }}
),

final as (
    select
        incident_id,
        provider_group,
        starts_on,
        ends_on,
        coalesce(eligibility_from, starts_on) as eligibility_from,
        returners_from,
        claims_until
    from incidents
    where
        kind = 'WAIVER'
        and is_in_view
)

select * from final
