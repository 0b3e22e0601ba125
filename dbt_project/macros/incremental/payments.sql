{#-
Query for the rows, in all revisions, of the payments that the pending `days` name. Raw remembers what a payment was
before (rows of replaced revisions included), so a model need not. `since` is the first day on which it was told.
-#}
{% macro rows_of_delivered_payments(events, days, state, receipts) -%}
select
    payment_id,
    number_key,
    merchant_id,
    cell_id,
    amount,
    dt,
    rev,
    {{ start_of_hour('occurred_at') }} as occurred_hour,
    min(dt) over (partition by payment_id) as since
from {{ events }}
where
    {{ in_days('dt', history_days('payment_id', events, days, state, receipts)) }}
    and payment_id in (select payment_id from {{ events }} where {{ in_days('dt', days) }})
{%- endmacro %}

{#-
Query for the payments that pending deliveries may change: those delivered again; on or after the day from which each of
these counts, the other payments of its number and those of the same cell, merchant and hour; and, where what a merchant
took on an earlier day may have changed, its payments of twice the days that look back on it (twice, in case a payment
moved to a later day). `delivered` is a relation of `rows_of_delivered_payments`, `days` the pending
ones.
-#}
{% macro payments_beside(delivered, payments, days) -%}
select payment_id
from {{ delivered }}
union all
select payments.payment_id
from {{ payments }} as payments
inner join (
    select
        number_key,
        min(since) as since
    from {{ delivered }}
    group by number_key
) as changed
    on
        payments.number_key = changed.number_key
        and payments.first_dt >= changed.since
union all
select payments.payment_id
from {{ payments }} as payments
inner join (
    select
        cell.cell_id,
        shop.merchant_id,
        occurred.occurred_hour,
        min(cell.since) as since
    from {{ delivered }} as cell
    inner join {{ delivered }} as shop on cell.payment_id = shop.payment_id
    inner join {{ delivered }} as occurred on cell.payment_id = occurred.payment_id
    group by cell.cell_id, shop.merchant_id, occurred.occurred_hour
) as changed
    on
        payments.cell_id = changed.cell_id
        and payments.merchant_id = changed.merchant_id
        and {{ start_of_hour('payments.occurred_at') }} = changed.occurred_hour
        and payments.cell_dt >= changed.since
union all
select payments.payment_id
from {{ payments }} as payments
inner join (
    select distinct
        merchant_id,
        since
    from {{ delivered }}
    where payment_id in (
        select payment_id
        from {{ delivered }}
        group by payment_id
        having
            {{ in_days('min(dt)', days) }}
            or count(distinct merchant_id) > 1
            or count(distinct amount) > 1
            or max(rev) > 1
    )
) as changed
    on
        payments.merchant_id = changed.merchant_id
        and payments.first_dt > changed.since
        and payments.first_dt <= changed.since + interval {{ 2 * (days_of_a_merchants_takings() | int) }} day
{%- endmacro %}
