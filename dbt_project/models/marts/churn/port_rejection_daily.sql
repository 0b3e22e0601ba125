with outcomes as (
    select * from {{ ref('int_port_outcome') }}
    where outcome = 'REJECTED'
),

final as (
    select
        ended_on as date_day,
        donor_group,
        recipient_group,
        line_type,
        reject_code,
        cast(sum(ports) as bigint) as rejected
    from outcomes
    group by ended_on, donor_group, recipient_group, line_type, reject_code
)

select * from final
