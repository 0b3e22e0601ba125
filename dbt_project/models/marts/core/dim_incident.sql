with incidents as (
    select * from {{ ref('incidents') }}
),

final as (
    select
        incident_id,
        provider_group,
        kind,
        starts_on,
        ends_on,
        {{ days_between('starts_on', 'ends_on') }} + 1 as window_days,
        baseline_from,
        baseline_to,
        eligibility_from,
        returners_from,
        claims_until,
        {{ in_view(['provider_group']) }} as is_in_view
    from incidents
)

select * from final
