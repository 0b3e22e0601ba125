-- Early-termination fees. fee: one row per fee charged since the waiver's reach began, and what became of it. Whoever
-- asks for a refund is paid on a published date, or refused by the waiver's rules.
create table fee as
with charged as (
    select
        *,
        last_start_on as start_on,
        early_termination_fee(contract_kind, monthly_fee, subsidy_amount, last_start_on, closed_at::date) as amount,
        back_at is not null and draw_int('cancelled with the port', line_idx, 2) = 0 as is_cancelled,
    from panel_line
    where closed_at::date >= least(getvariable('waiver_reaches_back_to'), getvariable('first_day'))
),
asked as (
    select
        *,
        closed_at::date between getvariable('waiver_reaches_back_to') and getvariable('waiver_to')
            and not is_cancelled
            and happens('asks for a refund', line_idx, if(closed_at::date >= getvariable('waiver_from'), 0.93, 0.6))
            as has_asked,
        getvariable('refunds_asked_from')
            + floor((getvariable('refunds_asked_to') - getvariable('refunds_asked_from') + 1)
                * pow(draw_unit('asks on', line_idx), 2))::int as asked_on,
    from charged
    where amount > 0
)
select
    *,
    case
        when activated_on >= getvariable('waiver_reaches_back_to') then 'JOINED_SINCE'
        when start_on >= getvariable('waiver_reaches_back_to') then 'RECONTRACTED_SINCE'
        when line_type = 'IOT' then 'IOT'
        when closed_reason = 'EX_OFFICIO' then 'EX_OFFICIO'
        when back_at::date <= getvariable('waiver_to') then 'RETURNED'
    end as refusal,
    -- four days to look at it, and now and then a whole round more
    list_min(list_filter(getvariable('refunds_paid_on'),
        lambda d: d >= asked_on + if(draw_int('looked at', line_idx, 10) = 0, 18, 4))) as decided_on,
from asked;

create view termination_fees_event as
with events as (
    select 0 as n, 'CHARGED' as event, null as reason, closed_at + interval 1 minute as occurred_at, * from fee
    union all
    select 1, 'REFUNDED', 'PORT_WITHDRAWN', back_at, * from fee where is_cancelled
    union all
    select 2, 'REFUND_REQUESTED', getvariable('waiver_code'),
        instant(asked_on, 32400 + draw_int('asks at', line_idx, 40000)), * from fee where has_asked
    union all
    select 3, if(refusal is null, 'REFUNDED', 'REFUND_REFUSED'), coalesce(refusal, getvariable('waiver_code')),
        instant(decided_on, 39600), * from fee where has_asked and decided_on is not null
)
select
    greatest(occurred_at::date, getvariable('first_day')) as known_on,
    occurred_at as sort_at,
    draw(event, line_idx) as chance,
    'F' || lpad((((line_idx * 4 + n) * 7368787 + getvariable('seed')) % 100000000000)::varchar, 11, '0') as fee_event_id,
    line_identifier(line_idx) as line_id,
    event,
    reason,
    amount,
    occurred_at,
from events;
