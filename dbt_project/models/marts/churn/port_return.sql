with ports as (
    select
        *,
        row_number() over (
            partition by donor_group, recipient_group, number_key order by processed_on, port_id
        ) = 1 as counts_number
    from {{ ref('fct_port') }}
    where is_return
),

final as (
    select
        donor_group as group_left,
        recipient_group as group_returned_to,
        months_away,
        count(*) filter (where counts_number) as numbers,
        count(*) as ports,
        count(*) filter (where is_withdrawn) as withdrawn,
        count(*) filter (where months_since_last_port < 3) as ports_within_freeze
    from ports
    group by donor_group, recipient_group, months_away
)

select * from final
