with exposures as (
    select * from {{ ref('int_exposure') }}
),

-- numbers are given to others
final as (
    select
        lines.line_key,
        exposures.cell_id,
        exposures.seen_from,
        exposures.seen_to,
        exposures.known_on
    from exposures
    inner join {{ ref('dim_line') }} as lines
        on
            exposures.number_key = lines.number_key
            and {{ valid_at('lines', 'exposures.seen_from') }}
            and lines.status <> 'TERMINATED'
)

select * from final
