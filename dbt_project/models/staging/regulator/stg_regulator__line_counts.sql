with source as (
    select * from {{ source('regulator', 'provider_line_counts') }}
),

final as (
    select
        month as month_start,
        provider,
        line_type,
        lines,
        dt,
        rev
    from source
)

select * from final
