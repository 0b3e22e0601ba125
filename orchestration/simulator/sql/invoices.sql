-- Monthly invoices of the lines in the extracted billing cycle, issued on the eighth of the next month.
create view invoices_event as
with months as (
    select m::date as billing_month, (m + interval 1 month)::date + 7 as issued_on
    from range(date_trunc('month', getvariable('first_day')) - interval 1 month, getvariable('last_day')::timestamp,
        interval 1 month) as r(m)
),
invoiced as (
    select
        l.*,
        m.*,
        hash(l.line_idx, m.billing_month) as k,
        f.amount as fee,
    from panel_line as l
    join months as m
        on l.opened_at::date < m.issued_on - 7
            and (l.closed_at is null or l.back_at is not null or l.closed_at::date >= m.billing_month)
    left join fee as f on f.line_idx = l.line_idx and not f.is_cancelled
        and f.closed_at >= m.billing_month and f.closed_at < m.issued_on - 7
    where happens('billing cycle', l.line_idx, getvariable('invoiced_share'))
        and m.issued_on >= getvariable('first_day')
),
charges as (
    select 1 as line_no, 'RECURRING' as charge_kind, monthly_fee::bigint as amount, * from invoiced
    union all
    select 2, 'DISCOUNT', -(monthly_fee // 40) * 10, * from invoiced where contract_kind = 'SELECTIVE'
    union all
    select 3, 'USAGE', 10 * (50 + draw_int('usage', k, 1200)), * from invoiced where happens('usage', k, 0.3)
    union all
    select 4, 'DEVICE_INSTALMENT', 1000 * (18 + draw_int('device', line_idx, 25)), * from invoiced
    where contract_kind = 'SUBSIDY'
    union all
    select 5, 'ETF', fee, * from invoiced where fee is not null
)
select
    issued_on as known_on,
    issued_on::timestamp as sort_at,
    hash(k, line_no) as chance,
    'B' || strftime(billing_month, '%y%m') || lpad(((line_idx * 48271397 + getvariable('seed')) % 10000000000)::varchar, 10, '0')
        as invoice_id,
    line_no,
    line_identifier(line_idx) as line_id,
    billing_month,
    charge_kind,
    amount,
    (sum(amount) over (partition by line_idx, billing_month))::bigint as invoice_total,
    issued_on,
from charges;
