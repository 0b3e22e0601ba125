-- What the retention desk did. The world is one in which it called: of a line on the list, whether it left is known, and
-- its arm is drawn given that, by Bayes' rule, so that of the called as many fewer leave as the offer's saved_pct says.
set variable retention_offers = (
    select list(offer order by offer, place) from (select *, unnest(range(weight)) as place from retention_offers)
);

-- listed: one row per line on the desk's list of a day. Each line is due on one day in thirty, as on `churn.call_list`,
-- and the desk knows something of who may leave: those who do are on the list so many times as often.
create temp table listed as
with due as (
    select
        line_idx,
        getvariable('first_day') + (30 * cycle + draw_int('due', line_idx, 30))::int as day,
        opened_at,
        closed_at,
        closed_reason,
        hash(line_idx, cycle) as k,
    from panel_line
    cross join (select unnest(range((getvariable('last_day') - getvariable('first_day')) // 30 + 1)) as cycle)
    where line_type = 'HANDSET'
)
select
    *,
    coalesce(closed_reason = 'PORT_OUT' and closed_at::date < day + 30, false) as leaves,
    date_trunc('month', day) as month,
    draw_from('offer', k, getvariable('retention_offers')) as offer,
from due
where
    day <= getvariable('last_day')
    and isodow(day) <> 7
    and opened_at::date < day
    and (closed_at is null or closed_at::date > day)
    and happens('listed', k, getvariable('listed_share') * if(leaves, getvariable('listed_leavers_factor'), 1));

-- retention_contact: one row per line on the list and day, with what was done.
create table retention_contact as
with shares as (
    select
        l.*,
        o.saved_pct / 100 as saved,
        o.accepted_pct / 100 as accepted,
        o.accepted_amount,
        getvariable('held_out_share') as held_out,
        held_out + (1 - held_out) * (1 - saved) as stay_away,
        avg(leaves::int) over (partition by l.month, l.offer) / stay_away as would_leave,
    from listed as l
    join retention_offers as o using (offer)
),
drawn as (
    select
        *,
        -- one draw for a line, so that it keeps its arm
        if(draw_exact('held out', line_idx) < if(
            leaves,
            held_out / stay_away,
            held_out * (1 - would_leave) / (1 - would_leave * stay_away)
        ), 'HOLD_OUT', 'CALL') as arm,
    from shares
)
select
    *,
    case
        when arm = 'HOLD_OUT' then 'NOT_CALLED'
        when happens('not reached', k, getvariable('not_reached_share')) then 'NOT_REACHED'
        when happens('accepts', k, if(leaves, 0.3, 1) * accepted) then 'ACCEPTED'
        else 'DECLINED'
    end as outcome,
    if(arm = 'HOLD_OUT', 0, getvariable('call_amount')) + if(outcome = 'ACCEPTED', accepted_amount, 0) as cost_amount,
    instant(day, 36000 + draw_int('called at', k, 28000)) as contacted_at,
from drawn;

create view retention_contacts_event as
select
    day as known_on,
    contacted_at as sort_at,
    hash(getvariable('seed'), line_idx, day) as chance,
    line_identifier(line_idx) as line_id,
    offer,
    arm,
    contacted_at,
    outcome,
    cost_amount,
from retention_contact;
