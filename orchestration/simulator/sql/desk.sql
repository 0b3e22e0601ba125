-- What the desk decided about the cases of the story. A case is named after the first payment of its episode, which is
-- the source's own identifier; every tenth is watched for some days first.
create view alert_dispositions_event as
with first_charge as (
    select exposed_no, arg_min(payment_id, (requested_at, payment_id)) as payment_id, max(requested_at) as last_charge_at
    from fraud_charge
    group by all
),
worked as (
    select
        f.exposed_no,
        'case-' || f.payment_id as case_id,
        greatest(
            getvariable('desk_from') + ((v.victim_rank - 1) // getvariable('desk_cases_a_day'))::int,
            f.last_charge_at::date + 2
        ) as worked_on,
        (getvariable('analysts'))[1 + draw_int('analyst', f.exposed_no, len(getvariable('analysts')))] as analyst,
        draw_int('watched', f.exposed_no, 10) = 0 as was_watched,
    from announced_victim as v
    join first_charge as f using (exposed_no)
    where v.victim_rank <= getvariable('desk_cases')
),
decisions as (
    select *, 'WATCH' as disposition, worked_on as day from worked where was_watched
    union all
    select *, 'CONFIRMED', worked_on + if(was_watched, 3, 0) from worked
),
decided as (
    select *, instant(day, 32400 + draw_int('decided case at', hash(case_id, disposition), 30000)) as decided_at from decisions
)
select
    decided_at::date as known_on,
    decided_at as sort_at,
    hash(getvariable('seed'), case_id, disposition) as chance,
    case_id,
    disposition,
    decided_at,
    analyst,
from decided;
