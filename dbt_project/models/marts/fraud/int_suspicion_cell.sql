with uses as (
    select * from {{ ref('int_unregistered_use') }}
),

final as (
    select
        {{ case_of_subject('CELL', 'cell_id') }} as case_id,
        'CELL' as subject_kind,
        cell_id as subject_key,
        cast(null as {{ key_type() }}) as number_key,
        'UNREGISTERED_CELL' as reason,
        known_on,
        case when count(*) = count(cleared_known_on) then max(cleared_known_on) end as cleared_on
    from uses
    group by cell_id, known_on
)

select * from final
