-- Billing's lines. panel_line: one row per line of the panel and every line of the fraud story, with its life.
create table panel_line as
with story as (
    select number_idx, region_code, exposed_on from exposed_number where not is_mvno
),
left_before as (
    select line_idx from booking where direction = 'OUT' and processed_on < getvariable('history_from')
),
arrivals as (
    select line_idx, number_idx, port_completed_at(k, processed_on) + interval 10 minute as opened_at, withdrawn_at
    from booking
    where direction = 'IN' and happens('panel', line_idx, getvariable('panel'))
),
members as (
    select line_idx, line_idx as number_idx, null::timestamp as opened_at, null::timestamp as withdrawn_at
    from (
        select line_idx from range(getvariable('carrier_lines')) as r(line_idx)
        where happens('panel', line_idx, getvariable('panel'))
        union
        select number_idx from story
    )
    union all
    select
        line_idx,
        line_idx,
        instant(date '2025-01-01' + draw_int('new since', line_idx, 424)::int, 36000 + draw_int('new at', line_idx, 30000)),
        null,
    from range(14000000, 14600000) as r(line_idx)
    where happens('panel', line_idx, getvariable('panel'))
    union all
    select * from arrivals
),
departures as (
    select
        line_idx,
        port_completed_at(k, processed_on) + interval 10 minute as ported_at,
        withdrawn_at + interval 10 minute as back_at,
    from booking
    where direction = 'OUT'
),
lived as (
    select
        m.line_idx,
        m.number_idx,
        coalesce(m.opened_at, instant(
            date '2014-01-01' + draw_int('since', m.line_idx, 3860)::int, 36000 + draw_int('since at', m.line_idx, 30000)
        )) as opened_at,
        d.ported_at,
        d.back_at,
        m.withdrawn_at,
        case when m.opened_at is null and d.ported_at is null and s.number_idx is null
            and happens('gives up', m.line_idx, 0.05)
            then instant(date '2025-01-01' + draw_int('gives up on', m.line_idx, 424)::int, 54000) end as given_up_at,
        s.region_code as story_region,
        s.exposed_on,
    from members as m
    left join departures as d using (line_idx)
    left join story as s on s.number_idx = m.line_idx
    where not exists (from left_before as l where l.line_idx = m.line_idx)
),
drawn as (
    select
        *,
        kind_of_line(number_idx) as line_type,
        case
            when draw_int('contract', line_idx, 100) < 45 then 'SELECTIVE'
            when draw_int('contract', line_idx, 100) < 75 then 'SUBSIDY'
            else 'NONE'
        end as contract_kind,
        opened_at::date as activated_on,
        coalesce(ported_at, withdrawn_at, given_up_at) as closed_at,
        case
            when ported_at is not null then 'PORT_OUT'
            when withdrawn_at is not null or happens('gives up himself', line_idx, 0.85) then 'VOLUNTARY'
            else 'EX_OFFICIO'
        end as closed_reason,
        if(happens('age unknown', line_idx, 0.02), null,
           1938 + draw_int('birth 1', line_idx, 37) + draw_int('birth 2', line_idx, 37)) as birth_year,
    from lived
),
final as (
    select
        d.* exclude (given_up_at, story_region, withdrawn_at),
        if(d.line_type = 'HANDSET', p.plan_code, if(d.line_type = 'IOT', 'IoT미니', '세컨드디바이스')) as plan_code,
        if(d.line_type = 'HANDSET', p.monthly_fee, if(d.line_type = 'IOT', 3300, 8800)) as monthly_fee,
        coalesce(d.story_region, r.region_code) as region_code,
        if(d.activated_on > getvariable('world_from'), d.activated_on,
           d.activated_on + 730 * ((getvariable('world_from') - d.activated_on) // 730)::int) as contract_start_on,
    from drawn as d
    join plan_slot as p on p.slot = draw_int('plan', d.line_idx, getvariable('plan_slots'))
    join region_slot as r on r.slot = draw_int('region', d.line_idx, getvariable('region_slots'))
)
select * from final order by line_idx;

-- Due if the contract ended on that day: what is left of the handset subsidy, or the discounts of the last months.
create or replace macro early_termination_fee(contract_kind, monthly_fee, start_on, on_day) as (
    case
        when contract_kind = 'NONE' or on_day >= start_on + 729 then 0
        when contract_kind = 'SUBSIDY' then 13000 * ((start_on + 759 - on_day) // 30)
        else (monthly_fee * least(6, (on_day - start_on) // 30) // 40) * 10
    end::bigint
);

create view subscriptions_event as
with states as (
    select
        *,
        'ACTIVE' as status,
        contract_start_on as start_on,
        if(contract_kind = 'NONE' or contract_start_on = activated_on, opened_at,
           instant(contract_start_on, 36000 + draw_int('renewed at', line_idx, 30000))) as changed_at,
    from panel_line
    union all
    select *, 'ACTIVE', contract_start_on + 730, instant(contract_start_on + 730, 32400 + draw_int('renewed', line_idx, 30000))
    from panel_line
    where contract_kind <> 'NONE'
        and (closed_at is null or contract_start_on + 731 < closed_at::date)
    union all
    select
        *,
        'TERMINATED',
        if(contract_kind <> 'NONE' and contract_start_on + 731 < closed_at::date, contract_start_on + 730, contract_start_on),
        closed_at,
    from panel_line
    where closed_at is not null
    union all
    select
        *,
        'ACTIVE',
        if(contract_kind <> 'NONE' and contract_start_on + 731 < closed_at::date, contract_start_on + 730, contract_start_on),
        back_at,
    from panel_line
    where back_at is not null
)
select
    greatest(changed_at::date, getvariable('first_day')) as known_on,
    changed_at as sort_at,
    draw(status, hash(line_idx, changed_at)) as chance,
    line_identifier(line_idx) as line_id,
    subscriber_number(number_idx) as subscriber,
    getvariable('operator') as provider,
    plan_code,
    monthly_fee,
    line_type,
    contract_kind,
    activated_on,
    if(contract_kind = 'NONE', null, start_on) as contract_start_on,
    if(contract_kind = 'NONE', null, start_on + 729) as contract_end_on,
    early_termination_fee(contract_kind, monthly_fee, start_on, changed_at::date) as etf,
    status,
    if(status = 'TERMINATED', closed_reason, null) as termination_reason,
    birth_year,
    region_code,
    changed_at,
from states;
