-- What happens all the year beside the story, of the kinds that the table fraud_kinds describes, and what only looks like
-- it (is_fraud says which). year_episode: one row per line that it happens to, of
-- some kinds to several `together`, in one place and hour (group_no). year_charge: one row per payment asked for
-- in it, refused attempts included. Numbers of episodes are the whole carrier's, whatever the panel.
create table year_kind as
select row_number() over (order by kind, merchant_category, first_on) as kind_no, * from fraud_kinds;

create table year_month as
select
    k.*,
    m::date as month,
    k.kind_no * 1000 + datediff('month', getvariable('world_from'), m::date) as batch,
    greatest(month, first_on, getvariable('first_day')) as from_on,
    least(last_day(month), coalesce(last_on, getvariable('last_day')), getvariable('last_day')) as to_on,
    floor(episodes_a_month * (0.6 + 0.8 * draw_unit('episodes', batch)) * (to_on - from_on + 1)
        / day(last_day(month)) + draw_unit('one episode more', batch))::bigint as episodes,
from year_kind as k
cross join range(date_trunc('month', getvariable('first_day')), getvariable('last_day') + 1, interval 1 month) as r(m)
where from_on <= to_on;

-- Whom it happens to: any payer on any day, or a line about the time when it was opened or left.
create table year_episode as
with anchors as (
    select
        *,
        unnest([
            {pool: if(number_idx >= 20000000 or number_idx <> line_idx, 'ARRIVAL', 'NEW_LINE'), at_: opened_at},
            {pool: 'LEAVER', at_: left_at}
        ], recursive := true),
    from payer
    where opened_at::date > getvariable('world_from') or left_at is not null
),
around as (
    select
        m.batch,
        m.episodes,
        m.from_on,
        m.to_on,
        a.payer_no,
        a.line_idx,
        a.opened_at,
        a.closed_at,
        a.at_ + to_seconds((3600 * (m.hours_low + (m.hours_high - m.hours_low)
            * draw_unit('hours off', hash(m.batch, a.line_idx))))::bigint) as first_at,
    from anchors as a
    join year_month as m on m.pool = a.pool and a.at_ between m.from_on - 7 and m.to_on + 7
),
near as (
    select
        batch,
        payer_no,
        first_at,
        row_number() over (partition by batch order by draw('whom', hash(batch, line_idx)), line_idx) as nth,
    from around
    where first_at::date between from_on and to_on and first_at > opened_at and first_at < closed_at
    qualify nth <= episodes
),
anybody as (
    select
        m.batch,
        p.payer_no,
        m.group_no,
        instant(
            m.from_on + draw_int('which day', m.group_no, m.to_on - m.from_on + 1)::int,
            3600 * if(draw_int('by night', m.group_no, 100) < m.night_pct,
                      2 + draw_int('night hour', m.group_no, 3), 9 + draw_int('day hour', m.group_no, 14))
                + draw_int('minute', m.batch * 1000 + m.nth, 3000)
        ) as first_at,
        m.nth,
    from (
        select *, unnest(range(1, episodes + 1)) as nth, batch * 1000 + 1 + (nth - 1) // together as group_no
        from year_month
        where pool = 'PAYER'
    ) as m
    join payer as p
        on p.steady_payer_no = draw_int('whom', m.batch * 1000 + m.nth, getvariable('steady_payers'))
),
hit as (
    select batch * 1000 + nth as episode_no, * replace (coalesce(group_no, batch * 1000 + nth) as group_no) from (from near union all by name from anybody)
    qualify row_number() over (partition by payer_no order by first_at, episode_no) = 1
),
drawn as (
    select
        h.episode_no,
        h.group_no,
        m.*,
        p.line_idx,
        p.number_idx,
        h.first_at,
        case m.cell
            when 'HOME' then p.home_cell_id
            when 'ELSEWHERE' then o.cell_id
        end as cell_id,
        m.charges_low + draw_int('charges', h.episode_no, m.charges_high - m.charges_low + 1) as charges,
        draw_int('sim changed', h.episode_no, 100) < m.sim_changed_pct as is_sim_changed,
        monthly_cap(p.number_idx, h.first_at) as cap_before,
        if(draw_int('cap raised', h.episode_no, 100) < m.cap_raised_pct,
           h.first_at - to_seconds(600 + draw_int('cap raised at', h.episode_no, 5400)), null) as cap_raised_at,
        if(draw_int('refused first', h.episode_no, 100) < m.refused_pct, 2, 0) as refused,
        draw_int('left pending', h.episode_no, 100) < m.abandoned_pct as is_abandoned,
        hour(h.first_at) between 2 and 4 as is_night,
    from hit as h
    join year_month as m using (batch)
    join payer as p using (payer_no)
    join serving_cell as o on o.overall = draw_int('year elsewhere', h.group_no, getvariable('serving_cells'))
    where not exists (from exposed_number as e where e.number_idx = p.number_idx)
)
select
    * exclude (first_shop, shops),
    merchant_identifier(c.category_no, first_shop + floor(shops * pow(draw_unit('year shop', group_no), 2))::bigint)
        as merchant_id,
    if(is_sim_changed, first_at - to_seconds(1800 + draw_int('year swap', episode_no, 30000)), null) as sim_changed_at,
    if(cap_raised_at is null, cap_before, 1000000) as monthly_limit,
    monthly_limit * (cap_share_low + (cap_share_high - cap_share_low) * draw_fine('taken', episode_no)) as wanted,
    -- what anybody at a desk would look at twice: several charges within minutes, and two of these beside
    charges > 1 and minutes_apart < 10
        and (cap_raised_at is not null)::int + (is_sim_changed or pool = 'ARRIVAL')::int + (is_night or refused > 0)::int >= 2
        as is_striking,
from drawn
join (select distinct merchant_category, category_no from category_slot where product = 'MICROPAYMENT') as c
    using (merchant_category);

-- Two attempts come first, where there are some: refused within the minutes before, or left pending on days before.
-- The charges of one day stay on that day, as the caps of a month.
create table year_charge as
with attempts as (
    select *, unnest(range(refused + charges)) as i from year_episode
),
timed as (
    select
        *,
        first_at + to_seconds((60 * greatest(0, i - refused) * minutes_apart)::bigint
            - if(is_abandoned, 100000, 70) * greatest(0, refused - i)
            + draw_int('year second', episode_no * 20 + i, 40)) as requested_at,
        i < refused as is_refused,
        amount_step * greatest(1, floor(
            wanted / charges * (0.75 + 0.25 * draw_fine('year amount', episode_no * 20 + i)) / amount_step
        ))::bigint as amount,
    from attempts
)
select
    episode_no * 20 + i as charge_no,
    episode_no,
    kind,
    is_fraud,
    payment_identifier(3000000000 + episode_no * 20 + i) as payment_id,
    line_idx,
    number_idx,
    merchant_id,
    merchant_category,
    amount,
    auth_method,
    if(auth_method = 'ARS', happens('year call', episode_no * 20 + i, call_complete_share), null) as is_ars_call_complete,
    cell_id,
    if(cap_raised_at is null, monthly_cap(number_idx, requested_at), monthly_limit) as monthly_limit,
    coalesce(cap_raised_at, if(cap_raised_at(number_idx) <= requested_at, cap_raised_at(number_idx), null)) as limit_raised_at,
    requested_at,
    if(not is_refused, 'SUCCEEDED', if(is_abandoned, 'ABANDONED', 'DENIED')) as outcome,
    draw('year charge', episode_no * 20 + i) as chance,
from timed
where requested_at::date between getvariable('first_day') and getvariable('last_day')
order by charge_no;

-- The victim complains about every charge, sooner or later; one in so many is not believed.
create table year_dispute as
with complaints as (
    select
        *,
        1 + floor(complaint_days * (0.15 + 2.5 * pow(draw_unit('year complaint', episode_no), 2.5)))::int as after_days,
        2 + floor(verdict_days * pow(draw_unit('year verdict', episode_no), 1.6))::int as decided_after_days,
        draw_int('believed', episode_no, 100) < confirmed_pct as is_believed,
    from year_episode
    where draw_int('complains', episode_no, 100) < disputed_pct
)
select
    c.payment_id,
    c.amount,
    instant(c.requested_at::date + d.after_days, 34200 + draw_int('year opened', c.charge_no, 28000)) as opened_at,
    instant(c.requested_at::date + d.after_days + d.decided_after_days, 36000 + draw_int('year decided', c.charge_no, 25000))
        as decided_at,
    if(d.is_believed, 'CONFIRMED_FRAUD', 'REJECTED') as verdict,
    if(d.is_believed, c.amount, 0) as refunded_amount,
    c.chance,
from year_charge as c
join complaints as d using (episode_no)
where c.outcome = 'SUCCEEDED';
