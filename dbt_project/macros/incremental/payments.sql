{#-
Queries for the payments that pending deliveries may change: those delivered again; on or after the day from which
each of these counts, the other payments of its number and those of the same cell, merchant and hour; and, where what
a merchant took on an earlier day may have changed, its payments of the sixty days after (thirty that look
back on it, and thirty in case a payment moved to a later day).

Raw remembers what a payment was before (rows of replaced revisions included), so a model need not.
-#}
{% macro payments_beside_delivered(payments) -%}
    {%- set ids = model.name ~ '__delivered' -%}
    {%- set rows = model.name ~ '__delivered_rows' -%}
    {%- do keep_keys(ids, 'payment_id', [keys_of_pending('payments', 'payment_id')]) -%}
    {%- do run_query(
        "create or replace temporary table " ~ rows ~ " as select payment_id, number_key, merchant_id, cell_id, amount, dt, rev,"
        ~ " date_trunc('hour', occurred_at) as occurred_hour, min(dt) over (partition by payment_id) as since"
        ~ " from " ~ all_revisions('payments')
        ~ " where " ~ in_days('dt', history_days('payments', 'payment_id', ids, payments) + replaced_days('payments'))
        ~ " and payment_id in (select payment_id from " ~ ids ~ ")"
    ) -%}
    {{ return([
        "select payment_id from " ~ ids,
        "select payment.payment_id from " ~ payments ~ " as payment"
        ~ " inner join (select number_key, min(since) as since from " ~ rows ~ " group by number_key) as changed"
        ~ " on payment.number_key = changed.number_key and payment.first_dt >= changed.since",
        "select payment.payment_id from " ~ payments ~ " as payment"
        ~ " inner join (select cell.cell_id, shop.merchant_id, occurred.occurred_hour, min(cell.since) as since"
        ~ " from " ~ rows ~ " as cell inner join " ~ rows ~ " as shop on cell.payment_id = shop.payment_id"
        ~ " inner join " ~ rows ~ " as occurred on cell.payment_id = occurred.payment_id group by all) as changed"
        ~ " on payment.cell_id = changed.cell_id and payment.merchant_id = changed.merchant_id"
        ~ " and date_trunc('hour', payment.occurred_at) = changed.occurred_hour"
        ~ " and payment.cell_dt >= changed.since",
        "select payment.payment_id from " ~ payments ~ " as payment inner join ("
        ~ "select distinct merchant_id, since from " ~ rows ~ " where payment_id in (select payment_id from " ~ rows
        ~ " group by payment_id having " ~ in_days('min(dt)', pending_days('payments'))
        ~ " or count(distinct merchant_id) > 1 or count(distinct amount) > 1 or max(rev) > 1)) as changed"
        ~ " on payment.merchant_id = changed.merchant_id and payment.first_dt > changed.since"
        ~ " and payment.first_dt <= changed.since + interval 60 day",
    ]) }}
{%- endmacro %}

{#-
Queries for the payments whose cell may have entered or left the registry with a pending list: those on a cell whose
place in it changed; and, where a pending list is the first there is, those between it and the next one, which had no
registry to miss from before.
-#}
{% macro payments_on_changed_cells(payments, lists) -%}
    {%- set first_days = "select min(list_on) as from_day, (select min(list_on) from " ~ lists
        ~ " where list_on > (select min(list_on) from " ~ lists ~ ")) as to_day from " ~ lists -%}
    {%- set occurred_on = local_date('payment.occurred_at') -%}
    {{ return([
        "select payment_id from " ~ payments ~ " where cell_id in (" ~ cells_changed('cell_registry', lists) ~ ")",
        "select payment.payment_id from " ~ payments ~ " as payment inner join (" ~ first_days ~ ") as first_list"
        ~ " on " ~ in_days('first_list.from_day', pending_days('cell_registry'))
        ~ " and " ~ occurred_on ~ " >= first_list.from_day"
        ~ " and (" ~ occurred_on ~ " < first_list.to_day or first_list.to_day is null)",
    ]) }}
{%- endmacro %}

{% macro payments_delivered_or_on_changed_cells(payments, lists) -%}
    {{ return([keys_of_pending('payments', 'payment_id')] + payments_on_changed_cells(payments, lists)) }}
{%- endmacro %}

{#-
Query for the days of payments whose line may have moved: those of lines with pending changes, from the earliest
such change on. Payments before it keep the interval that they fell into.
-#}
{% macro payment_days_of_touched_lines(payments) -%}
    {%- set changed_lines = "select line_key, min(changed_at) as changed_from from " ~ all_revisions('subscriptions')
        ~ " where " ~ in_days('dt', pending_days('subscriptions')) ~ " group by line_key" -%}
    {{ return(
        "select distinct payment.occurred_on from " ~ payments ~ " as payment inner join (" ~ changed_lines
        ~ ") as changed on payment.line_key = changed.line_key and payment.occurred_at >= changed.changed_from"
    ) }}
{%- endmacro %}
