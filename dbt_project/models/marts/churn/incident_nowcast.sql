with nowcasts as (
    select * from {{ ref('int_incident_nowcast') }}
    where not is_hindsight
),

incidents as (
    select * from {{ ref('dim_incident') }}
),

final as (
    select
        nowcasts.incident_id,
        cast(nowcasts.as_of_date as date) as as_of_date,
        nowcasts.target,
        incidents.provider_group,
        cast(nowcasts.target_on as date) as target_on,
        nowcasts.processing_day,
        nowcasts.processing_days,
        nowcasts.known,
        nowcasts.floor as waiting_floor,
        cast(round(nowcasts.estimate) as bigint) as estimate,
        cast(round(nowcasts.low_50) as bigint) as low_50,
        cast(round(nowcasts.high_50) as bigint) as high_50,
        cast(round(nowcasts.low_80) as bigint) as low_80,
        cast(round(nowcasts.high_80) as bigint) as high_80,
        cast(round(nowcasts.low_95) as bigint) as low_95,
        cast(round(nowcasts.high_95) as bigint) as high_95,
        nowcasts.shapes,
        nowcasts.concentration
    from nowcasts
    inner join incidents on nowcasts.incident_id = incidents.incident_id
)

select * from final
