with members as (
    select * from {{ ref('int_ring_member') }}
),

links as (
    select * from {{ ref('int_ring_link') }}
),

flagged as (
    select * from {{ ref('int_flagged_payment') }}
),

places as (
    select
        members.ring_id,
        links.kind,
        links.place,
        count(distinct links.party_key) as lines_joined
    from members
    inner join links on members.payment_id = links.payment_id
    group by members.ring_id, links.kind, links.place
),

ranked as (
    select
        *,
        row_number() over (partition by ring_id order by lines_joined desc, kind asc, place asc) as place_no
    from places
),

joined_by as (
    select
        ring_id,
        count(*) filter (where kind = 'CELL') as cells,
        count(*) filter (where kind = 'MERCHANT') as merchants,
        count(*) filter (where kind = 'DEALER') as dealers,
        max(kind || ' ' || place) filter (where place_no = 1) as joined_most_by,
        max(lines_joined) as lines_joined_most
    from ranked
    group by ring_id
),

done as (
    select
        members.ring_id,
        count(distinct flagged.party_key) as lines,
        count(*) as payments,
        count(*) filter (where flagged.is_alerted) as alerts,
        count(*) filter (where flagged.is_confirmed) as confirmed,
        min(flagged.occurred_at) as first_payment_at,
        max(flagged.occurred_at) as last_payment_at,
        cast(sum(flagged.attempted_amount) as bigint) as amount,
        cast(sum(flagged.lost_amount) as bigint) as lost_amount
    from members
    inner join flagged on members.payment_id = flagged.payment_id
    group by members.ring_id
),

final as (
    select
        done.ring_id,
        done.lines,
        done.payments,
        done.alerts,
        done.confirmed,
        joined_by.cells,
        joined_by.merchants,
        joined_by.dealers,
        joined_by.joined_most_by,
        joined_by.lines_joined_most,
        done.first_payment_at,
        done.last_payment_at,
        {{ days_between(local_date('done.first_payment_at'), local_date('done.last_payment_at')) }} + 1 as span_days,
        done.amount,
        done.lost_amount
    from done
    inner join joined_by on done.ring_id = joined_by.ring_id
    where done.lines > 1
)

select * from final
