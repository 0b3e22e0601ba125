-- What a line is, from its number and its identifier alone: every property is a draw from a table of the scenario, laid
-- out as a list with as many places as the choice has weight. So a line can be described without looking it up.
set variable birth_years = (
    select list(from_year + (place * (to_year - from_year + 1) // weight) order by from_year, place)
    from (select *, unnest(range(weight)) as place from birth_years)
);
set variable tenures = (  -- in months
    select list(from_months + place * (to_months - from_months) // weight order by from_months, place)
    from (select *, unnest(range(weight)) as place from tenures)
);
set variable region_codes = (
    select list(region_code::varchar order by region_code, place) from (select *, unnest(range(weight)) as place from regions)
);

-- tariff: one row per tariff, those of things and second devices last. Tariffs fit ages.
create table tariff as
select row_number() over (order by monthly_fee, plan_code) as tariff_no, plan_code, monthly_fee, subsidy_amount
from plans
union all
select (select count(*) from plans) + n, plan_code, monthly_fee, subsidy_amount
from (values (1, '세컨드디바이스', 8800, 100000), (2, 'IoT미니', 3300, 0)) as t(n, plan_code, monthly_fee, subsidy_amount);

set variable tariffs = (select count(*) from plans);
set variable tariff_codes = (select list(plan_code order by tariff_no) from tariff);
set variable tariff_fees = (select list(monthly_fee order by tariff_no) from tariff);
set variable tariff_subsidies = (select list(subsidy_amount order by tariff_no) from tariff);

create temp table tariff_place as
with weights as (
    unpivot (select plan_code, junior, young, middle, senior from plans)
    on junior, young, middle, senior into name band value weight
)
select band, list(tariff_no order by tariff_no, place) as places
from (select band, plan_code, unnest(range(weight)) as place from weights) join tariff using (plan_code)
group by band;
set variable junior_tariffs = (select places from tariff_place where band = 'junior');
set variable young_tariffs = (select places from tariff_place where band = 'young');
set variable middle_tariffs = (select places from tariff_place where band = 'middle');
set variable senior_tariffs = (select places from tariff_place where band = 'senior');

create or replace macro draw_from(tag, k, places) as places[1 + draw_int(tag, k, len(places))];

-- 985 of 1000 of the operator's own numbers are handsets; a multiple of five never is anything else, nor is a number
-- that comes in: only handsets are ported.
create or replace macro kind_of_line(number_idx) as
    case
        when number_idx >= 20000000 then 'HANDSET'
        when (number_idx * 7919) % 1000 in (1, 6, 11, 16, 21, 26, 31, 36, 41, 46, 51, 56) then 'SECOND_DEVICE'
        when (number_idx * 7919) % 1000 in (2, 7, 12) then 'IOT'
        else 'HANDSET'
    end;
create or replace macro born_in(number_idx) as draw_from('born', number_idx, getvariable('birth_years'));
create or replace macro birth_year_known(number_idx) as
    if(happens('age unknown', number_idx, 0.02), null, born_in(number_idx));
create or replace macro region_of(number_idx) as draw_from('region', number_idx, getvariable('region_codes'));
create or replace macro tariff_of(line_idx, number_idx) as
    case
        when kind_of_line(number_idx) = 'SECOND_DEVICE' then getvariable('tariffs') + 1
        when kind_of_line(number_idx) = 'IOT' then getvariable('tariffs') + 2
        when born_in(number_idx) >= 2007 then draw_from('tariff', line_idx, getvariable('junior_tariffs'))
        when born_in(number_idx) >= 1991 then draw_from('tariff', line_idx, getvariable('young_tariffs'))
        when born_in(number_idx) >= 1961 then draw_from('tariff', line_idx, getvariable('middle_tariffs'))
        else draw_from('tariff', line_idx, getvariable('senior_tariffs'))
    end::int;

-- Who comes from another operator is given a contract; things are never given a subsidy.
create or replace macro contract_kind_of(line_idx, number_idx, is_new) as
    case
        when draw_int('contract', line_idx, 100) < case kind_of_line(number_idx)
            when 'HANDSET' then if(is_new, 42, 45) when 'SECOND_DEVICE' then 45 else 30 end then 'SELECTIVE'
        when draw_int('contract', line_idx, 100) < case kind_of_line(number_idx)
            when 'HANDSET' then if(is_new, 90, 75) when 'SECOND_DEVICE' then 65 else 0 end then 'SUBSIDY'
        else 'NONE'
    end;

-- How a line was sold, and by which dealer, where there is one: a few sell much. k is a line, or a port to another operator.
set variable sales_channels = (
    select list({channel: channel, dealers: dealers, first: first_dealer} order by channel, place)
    from (
        select *, sum(dealers) over (order by channel) - dealers as first_dealer, unnest(range(weight)) as place
        from sales_channels
    )
);
create or replace macro sold_by(k) as draw_from('sold by', k, getvariable('sales_channels'));
create or replace macro sales_channel_of(k) as sold_by(k).channel;
create or replace macro dealer_of(k) as if(sold_by(k).dealers = 0, null,
    'D' || lpad((sold_by(k).first + floor(sold_by(k).dealers * pow(draw_unit('dealer', k), 2)))::bigint::varchar, 5, '0'));

-- Contracts run for 730 days. Most customers sign another one at once, the others let it run out at some time.
create or replace macro renewals_of(line_idx) as
    if(happens('renews', line_idx, 0.65), 99, draw_int('renewals', line_idx, 3));
create or replace macro contract_start_on(line_idx, opened_on, on_day) as
    (opened_on + 730 * least(renewals_of(line_idx), greatest(on_day - opened_on, 0) // 730)::int);

-- Due if the contract ended on that day: what is left of the subsidy, or some of the discounts given so far.
set variable subsidy_pcts = (select list(subsidy_pct order by contract_month) from etf_schedule);
set variable discount_pcts = (select list(discount_pct order by contract_month) from etf_schedule);
create or replace macro early_termination_fee(contract_kind, monthly_fee, subsidy_amount, start_on, on_day) as (
    case
        when contract_kind = 'NONE' or on_day >= start_on + 730 then 0
        when contract_kind = 'SUBSIDY'
            then subsidy_amount * getvariable('subsidy_pcts')[1 + least(23, (on_day - start_on) // 30)] // 1000 * 10
        else (monthly_fee // 40) * 10 * getvariable('discount_pcts')[1 + least(23, (on_day - start_on) // 30)] // 1000 * 10
    end::bigint
);

-- Households are groups of neighbouring lines: of twelve, two live alone, the others with one, two or three more.
create or replace macro household_of(line_idx) as
    (line_idx // 12) * 6 + ([0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5])[1 + line_idx % 12];
create or replace macro account_identifier(line_idx) as
    'A' || lpad(((household_of(line_idx) * 736878713 + getvariable('seed')) % 10000000000)::varchar, 10, '0');
create or replace macro household_size(line_idx) as ([1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 1])[1 + line_idx % 12];
