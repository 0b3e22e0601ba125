-- What the core network saw. household: one row per number that lives on a femtocell. late_guest: one row per number
-- that was on a cell on the day before that was put on the list. rogue_guest: one row per number on a rogue cell.
create table household as
select p.home_cell_id as cell_id, c.region_code, p.number_idx, p.opened_at::date as from_day, p.closed_at::date as to_day
from payer as p
join cell as c on c.cell_id = p.home_cell_id
where c.kind = 'FEMTO'
qualify row_number() over (partition by p.home_cell_id order by draw('lives there', p.number_idx)) <= 2;

create table late_guest as
select l.cell_id, l.region_code, l.served_on, p.number_idx
from late_cell as l
cross join (select unnest(range(12)) as guest_no) as g
join payer as p
    on p.steady_payer_no = draw_int('late guest', hash(l.cell_id, g.guest_no), getvariable('steady_payers'))
group by all;

-- A victim is seen in the hour of its first charge, or some hours before if it had moved on by then.
create table rogue_guest as
with first_charge as (
    select exposed_no, min(requested_at) as requested_at, bool_or(has_moved_on) as has_moved_on
    from fraud_charge
    group by all
)
select
    e.exposed_no,
    e.number_idx,
    r.cell_id,
    e.region_code,
    coalesce(
        f.requested_at - to_seconds(if(f.has_moved_on, 21600 + draw_int('moved on for', e.exposed_no, 151200), 90)),
        instant(e.exposed_on, draw_int('exposed at', e.exposed_no, 86400))
    ) as seen_at,
from exposed_number as e
join fraud_schemes as s on s.scheme = e.scheme and s.uses_rogue_cell
join rogue_cell as r using (rogue_no)
left join first_charge as f using (exposed_no);

create view cell_attachments_event as
with days as (
    select d::date as day
    from range(
        greatest(getvariable('from_day') - getvariable('reach_back_days'), getvariable('first_day')),
        getvariable('to_day') + 1,
        interval 1 day
    ) as r(d)
),
at_home as (
    select
        h.cell_id,
        h.region_code,
        h.number_idx,
        instant(d.day, (17 + draw_int('home hour', hash(h.number_idx, d.day), 6)) * 3600) as hour_start,
        2400 as longest_stay_seconds,
    from days as d
    join household as h on d.day > h.from_day and d.day < h.to_day
    where happens('at home', hash(h.number_idx, d.day), 0.15)
),
on_late_cell as (
    select cell_id, region_code, number_idx, instant(served_on, (8 + draw_int('late hour', number_idx, 14)) * 3600), 3000
    from late_guest
),
on_rogue_cell as (
    select cell_id, region_code, number_idx, date_trunc('hour', seen_at), 1200
    from rogue_guest
),
seen as (
    select *, hash(getvariable('seed'), number_idx, hour_start) as chance
    from (from at_home union all from on_late_cell union all from on_rogue_cell)
)
select
    hour_start::date as known_on,
    hour_start as sort_at,
    chance,
    subscriber_number(number_idx) as subscriber,
    cell_id,
    if(chance % 50 = 0, null, region_code) as region_code,  -- the core could not place every cell
    hour_start,
    1 + (chance // 100) % 6 as attach_count,
    hour_start + to_seconds(((chance // 1000) % 600)::bigint) as first_seen_at,
    first_seen_at + to_seconds(((chance // 1000000) % longest_stay_seconds)::bigint) as last_seen_at,
from seen;

-- New cards and devices: the ordinary rate, the programme that replaced cards, and the swaps of a fraud.
create view sim_changes_event as
with days as (
    select
        d::date as day,
        (getvariable('payers') * getvariable('sim_changes_monthly_pct') / 3000
            * if(isodow(day) = 7, 0.5, 1.1)
            * if(day between getvariable('sim_programme_from') and getvariable('sim_programme_to'),
                 getvariable('sim_programme_factor'), 1))::bigint as changes,
    from range(
        greatest(getvariable('from_day') - getvariable('reach_back_days'), getvariable('first_day')),
        getvariable('to_day') + 1,
        interval 1 day
    ) as r(d)
),
numbered as (
    select day, hash(day, unnest(range(changes))) as k from days
),
ordinary as (
    select
        p.number_idx,
        instant(n.day, 32400 + draw_int('sim at', n.k, 39600)) as changed_at,
        ['SHOP', 'SHOP', 'ONLINE', 'CALL_CENTRE'][1 + draw_int('sim channel', n.k, 4)] as channel,
    from numbered as n
    join payer as p
        on p.steady_payer_no = draw_int('sim of', n.k, getvariable('steady_payers'))
),
swapped as (
    select
        c.number_idx,
        min(c.requested_at) - to_seconds(1800 + draw_int('swapped before', c.exposed_no, 40000)) as changed_at,
        if(draw_int('swapped by', c.exposed_no, 3) = 0, 'ONLINE', 'CALL_CENTRE') as channel,
    from fraud_charge as c
    join fraud_schemes as s using (scheme)
    where draw_int('sim swapped', c.exposed_no, 100) < s.sim_changed_pct
    group by c.number_idx, c.exposed_no
    union all
    select number_idx, sim_changed_at, if(is_fraud, ['ONLINE', 'CALL_CENTRE'][1 + episode_no % 2], 'SHOP')
    from year_episode
    where sim_changed_at >= getvariable('first_day')
),
-- some change the card in the days before they take their number away
before_a_port as (
    select
        b.number_idx,
        b.requested_at - to_seconds(3600 + draw_int('changed before a port', b.k, 250000)) as changed_at,
        if(draw_int('port card by', b.k, 3) = 0, 'ONLINE', 'SHOP') as channel,
    from booking as b
    join panel_line as l using (line_idx)
    where b.direction = 'OUT' and happens('new card before a port', b.k, getvariable('sim_before_port_share'))
)
select
    changed_at::date as known_on,
    changed_at as sort_at,
    hash(getvariable('seed'), number_idx, changed_at) as chance,
    subscriber_number(number_idx) as subscriber,
    changed_at,
    channel,
from (from ordinary union all from swapped union all from before_a_port);
