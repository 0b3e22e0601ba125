with alerts as (
    select * from {{ ref('alert') }}
),

final as (
    select
        case_id,
        'NUMBER' as subject_kind,
        cast(null as string) as subject_key,
        number_key,
        'ALERTED' as reason,
        {{ local_date('first_alerted_at') }} as known_on,
        case when count(*) = count(*) filter (where verdict = 'REJECTED') then max(verdict_dt) + 1 end as cleared_on
    from alerts
    group by case_id, number_key, {{ local_date('first_alerted_at') }}
)

select * from final
