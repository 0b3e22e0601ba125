-- Who could have been ported within the period, and how likely that was for each. true_chance: one row per handset that
-- is known one by one. $risk (the macro of its hazard ratio) and $least_days (since the line was opened) are filled in.
create or replace temp table could_leave as
select l.* from at_risk as l
where l.line_type = 'HANDSET' and l.opened_at::date + $least_days <= getvariable('period_from')
    and not exists (from ended as e where e.line_idx = l.line_idx and e.period_no < getvariable('period_no'));

create or replace temp table true_chance as
with described_lines as (
    select *, $risk as hazard_ratio from described('could_leave', getvariable('period_from'))
),
followed as (
    select
        d.*,
        p.ended_on as left_on,
        g.group_name as went_to,
    from described_lines as d
    left join ended as p on p.line_idx = d.line_idx and p.reason = 'PORT_OUT' and p.period_no = getvariable('period_no')
    left join chosen as c on p.line_idx = c.line_idx and c.k % 2 = 0
    left join leaving_slot as g on g.k = c.k and g.processed_on = p.ended_on
    qualify row_number() over (partition by d.line_idx order by g.processed_on nulls last) = 1
),
-- the baseline hazard of the period by which as many are expected to leave as did; a few steps are enough
first_step as (select count(left_on) as leavers, count(left_on) / sum(hazard_ratio) as hazard from followed),
second_step as (
    select any_value(leavers) as leavers, any_value(hazard) * any_value(leavers) / sum(1 - exp(-hazard * hazard_ratio)) as hazard
    from followed cross join first_step
),
baseline as (
    select any_value(hazard) * any_value(leavers) / sum(1 - exp(-hazard * hazard_ratio)) as hazard
    from followed cross join second_step
)
select
    getvariable('period_from') as period_from,
    getvariable('period_to') as period_to,
    line_identifier(line_idx) as line_id,
    '010' || subscriber_number(number_idx) as msisdn,
    opened_on,
    tenure_months,
    months_left,
    fee_due,
    plan_code,
    contract_kind,
    age,
    area,
    exposure,
    disputes,
    household,
    came_from,
    hazard_ratio,
    ln(b.hazard * hazard_ratio) as linear_predictor,
    1 - exp(-b.hazard * hazard_ratio) as probability,
    left_on,
    went_to,
from followed
cross join baseline as b
order by line_idx;
