-- The payments behind the deliveries from_day to to_day: cancellations and late rows reach back some days.
create or replace table payment as
select *
from payments_between(
    greatest(getvariable('from_day') - getvariable('reach_back_days'), getvariable('first_day')), getvariable('to_day')
);

-- Honest complaints: the customer had forgotten the charge, and the complaint is rejected or still open.
insert into honest_dispute
select
    payment_id,
    amount,
    instant(day + 1 + draw_int('honest complaint', k, 40)::int, 34200 + draw_int('honest at', k, 28000)) as opened_at,
    if(happens('still open', k, 0.1), null, opened_at + to_days(7 + draw_int('honest verdict', k, 28)::int)) as decided_at,
    'REJECTED',
    0,
    chance,
from payment
where day between getvariable('from_day') and getvariable('to_day')
    and outcome = 'SUCCEEDED'
    and draw_int('honest dispute', k, getvariable('honest_dispute_every')) = 0;
