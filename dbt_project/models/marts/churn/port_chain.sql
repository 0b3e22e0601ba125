with ports as (
    select
        *,
        row_number() over (
            partition by came_from_group, donor_group, recipient_group, number_key order by processed_on, port_id
        ) = 1 as counts_number
    from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
        and came_from_group is not null
),

final as (
    select
        came_from_group as first_group,
        donor_group as via_group,
        recipient_group as last_group,
        months_stayed,
        came_from_group = recipient_group as is_return,
        count(*) filter (where counts_number) as numbers,
        count(*) as ports,
        count(*) filter (where is_withdrawn) as withdrawn
    from ports
    group by came_from_group, donor_group, recipient_group, months_stayed
)

select * from final
