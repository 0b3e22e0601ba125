-- What was planted among the payments, under the identifiers of the files.
create or replace temp view planted_payments as
select
    f.payment_id,
    f.scheme as kind,
    true as is_fraud,
    f.exposed_no as episode_no,
    if(f.is_mvno, null, line_identifier(f.number_idx)) as line_id,
    '010' || subscriber_number(f.number_idx) as msisdn,
    f.cell_id,
    f.merchant_id,
    f.amount,
    f.requested_at,
    'SUCCEEDED' as outcome,
from fraud_charge as f
union all
select
    payment_id,
    kind,
    is_fraud,
    episode_no,
    line_identifier(line_idx),
    '010' || subscriber_number(number_idx),
    cell_id,
    merchant_id,
    amount,
    requested_at,
    outcome,
from year_charge
order by payment_id;

create or replace temp view disputed_payments as
select payment_id, 'FRAUD' as why, opened_at, decided_at, verdict from fraud_dispute
union all
select payment_id, 'FRAUD', opened_at, decided_at, verdict from year_dispute
union all
select payment_id, reason, opened_at, decided_at, verdict from honest_dispute
order by payment_id;

create or replace temp view exposed_numbers as
select
    '010' || subscriber_number(number_idx) as msisdn,
    if(is_mvno, null, line_identifier(number_idx)) as line_id,
    scheme,
    exposed_on,
    region_code,
    rogue_no,
    is_victim,
from exposed_number
order by exposed_no;

create or replace temp view rogue_cells as
select rogue_no, cell_id from rogue_cell order by rogue_no;
