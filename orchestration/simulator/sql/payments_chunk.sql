-- The payments behind the deliveries from_day to to_day: cancellations and late rows reach back some days. Each day is
-- made once, from the beginning of the first month on, since what a line has spent in a month decides what it may.
set variable made_from = (
    select coalesce(max(day) + 1, date_trunc('month', getvariable('first_day'))::date) from payment
);

create or replace table payment as
select * from payment where day >= getvariable('from_day') - getvariable('reach_back_days')
union all
select * from payments_between(getvariable('made_from'), getvariable('to_day'));

-- Once a line's payments of a month pass its cap, it is refused for the rest of the month. Few do, and only those are sorted.
create or replace temp table over_cap as
with asked as (
    select k, number_idx, date_trunc('month', day)::date as month, requested_at, amount, monthly_limit
    from payment
    where day >= getvariable('made_from') and outcome = 'SUCCEEDED'
),
known as (
    select month, number_idx, sum(spent)::bigint as spent
    from (from spent union all from reserved)
    where month between date_trunc('month', getvariable('made_from')) and getvariable('to_day')
    group by all
),
tight as (
    select month, number_idx, coalesce(any_value(spent), 0) as spent
    from asked
    left join known using (month, number_idx)
    group by all
    having sum(amount) + coalesce(any_value(spent), 0) > min(monthly_limit)
),
running as (
    select
        k,
        monthly_limit,
        spent + sum(amount) over (partition by month, number_idx order by requested_at, k) as reached,
    from asked
    join tight using (month, number_idx)
)
select k from running where reached > monthly_limit;

update payment set outcome = 'DENIED' where k in (from over_cap);

create or replace table spent as
select month, number_idx, sum(spent)::bigint as spent
from (
    from spent
    union all
    select date_trunc('month', day)::date, number_idx, amount
    from payment
    where day >= getvariable('made_from') and outcome = 'SUCCEEDED'
)
where month = date_trunc('month', getvariable('to_day'))
group by all;

-- Honest complaints: the customer had forgotten the charge. And those of a few customers who try to have back what they
-- bought. Most are rejected; some are still open.
insert into honest_dispute
with complaints as (
    select
        *,
        draw_int('honest dispute', k, getvariable('honest_dispute_every')) = 0 as is_forgotten,
        happens('claims falsely', number_idx, getvariable('false_claimant_share')) as is_false_claimant,
    from payment
    where day between getvariable('from_day') and getvariable('to_day')
        and outcome = 'SUCCEEDED'
)
select
    payment_id,
    amount,
    instant(day + 1 + floor(60 * pow(draw_unit('honest complaint', k), 2))::int, 34200 + draw_int('honest at', k, 28000))
        as opened_at,
    if(happens('still open', k, 0.1), null, opened_at + to_days(2 + floor(50 * pow(draw_unit('honest verdict', k), 2))::int))
        as decided_at,
    'REJECTED',
    0,
    chance,
    if(is_forgotten, 'FORGOTTEN', 'FALSE_CLAIM'),
from complaints
where is_forgotten or (is_false_claimant and amount >= 5000 and happens('claims this one', k, 0.6));

insert into false_alarm
select payment_id, day
from payment
where day between getvariable('from_day') and getvariable('to_day')
    and day between (select min(announced_on) from verdicts) + 3 and (select min(announced_on) from verdicts) + 25
    and merchant_id in (select merchant_id from fraud_charge group by merchant_id having count(*) >= 20)
    and outcome = 'SUCCEEDED'
    and amount >= greatest(150000, if(hour(requested_at) between 2 and 5, 0, 0.95 * monthly_limit))
    and happens('looked at', k, getvariable('false_alarm_share'));
