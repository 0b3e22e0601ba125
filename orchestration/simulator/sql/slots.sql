-- Weighted choices as slot tables: each choice owns as many slots as its weight, and a draw names the slot.
create table hour_slot as
with weighted as (
    select false as is_night_owl, hour, weight from payment_hours
    union all
    select true, hour, night_owl_weight from payment_hours
),
slots as (select is_night_owl, hour, unnest(range(weight)) as n from weighted)
select
    is_night_owl,
    hour,
    row_number() over (partition by is_night_owl order by hour, n) - 1 as slot,
    count(*) over (partition by is_night_owl) as slots,
from slots;

create table category_slot as
with numbered as (
    select *, row_number() over (order by product desc, merchant_category) as category_no from merchant_categories
),
weighted as (
    select * exclude (weight, gift_buyer_weight), false as is_gift_buyer, weight from numbered
    union all
    select * exclude (weight, gift_buyer_weight), true, gift_buyer_weight from numbered
),
slots as (select *, unnest(range(weight)) as n from weighted)
select
    * exclude (n, weight, note),
    row_number() over (partition by product, is_gift_buyer order by category_no, n) - 1 as slot,
    count(*) over (partition by product, is_gift_buyer) as slots,
from slots;

create or replace macro merchant_identifier(category_no, n) as
    'M' || lpad((category_no * 10000 + n)::varchar, 6, '0');
create or replace macro payment_identifier(k) as
    'T' || lpad(((k * 736878713 + getvariable('seed')) % 1000000000000)::varchar, 12, '0');
