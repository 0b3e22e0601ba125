-- Billing's lines. panel_line: one row per line of the panel and every line of the fraud story, with its life.
create table panel_line as
with lived as (
    select
        l.line_idx,
        l.number_idx,
        l.opened_at,
        -- an arrival that is withdrawn ends the line
        coalesce(e.closed_at, l.withdrawn_at + interval 10 minute) as closed_at,
        e.back_at,
        coalesce(e.reason, if(l.withdrawn_at is null, null, 'VOLUNTARY')) as closed_reason,
        s.region_code as story_region,
        l.line_type,
        contract_kind_of(l.line_idx, l.number_idx, l.came_from in ('SKT', 'LGU', 'MVNO')) as contract_kind,
        tariff_of(l.line_idx, l.number_idx) as tariff_no,
    from life as l
    left join ended as e using (line_idx)
    left join exposed_number as s on s.number_idx = l.number_idx
    where not coalesce(e.reason = 'PORT_OUT' and e.ended_on < getvariable('history_from'), false)
)
select
    * exclude (story_region, tariff_no),
    opened_at::date as activated_on,
    birth_year_known(number_idx) as birth_year,
    getvariable('tariff_codes')[tariff_no] as plan_code,
    getvariable('tariff_fees')[tariff_no] as monthly_fee,
    getvariable('tariff_subsidies')[tariff_no] as subsidy_amount,
    coalesce(story_region, region_of(number_idx)) as region_code,
    contract_start_on(line_idx, activated_on, getvariable('world_from')) as contract_start_on,
    contract_start_on(line_idx, activated_on, coalesce(closed_at::date - 1, date '2099-12-31')) as last_start_on,
from lived
order by line_idx;

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
    where contract_kind <> 'NONE' and last_start_on > contract_start_on
    union all
    select *, 'TERMINATED', last_start_on, closed_at
    from panel_line
    where closed_at is not null
    union all
    select *, 'ACTIVE', last_start_on, back_at
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
    early_termination_fee(contract_kind, monthly_fee, subsidy_amount, start_on, changed_at::date) as etf,
    status,
    if(status = 'TERMINATED', closed_reason, null) as termination_reason,
    birth_year,
    region_code,
    changed_at,
    -- older lines were sold before it was written down
    if(activated_on < getvariable('sales_known_from'), null, sales_channel_of(line_idx)) as sales_channel,
    if(activated_on < getvariable('sales_known_from'), null, dealer_of(line_idx)) as dealer_code,
    account_identifier(line_idx) as account,
from states;
