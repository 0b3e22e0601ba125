with desks as (
    select
        *,
        {{ data_end('payment_disputes', [ref('rule_hit')]) }} as told_to
    from {{ ref('desks') }}
    where desk = 'FRAUD'
),

final as (
    select
        desk,
        cases_per_day,
        analysts,
        undisputed_after_days,
        told_to,
        told_to - undisputed_after_days as matured_to
    from desks
)

select * from final
