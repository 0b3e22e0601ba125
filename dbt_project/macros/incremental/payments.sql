{#-
Queries for the payments whose rule hits pending deliveries may change: those delivered again; those on a cell
whose place in the registry changed; and, where a pending list is the first there is, those between it and the
next one, which had no registry to miss from before.
-#}
{% macro payments_to_judge_again(payments, lists) -%}
    {%- set pending = pending_days('cell_registry') -%}
    {%- set first_days = "select min(list_on) as from_day, (select min(list_on) from " ~ lists
        ~ " where list_on > (select min(list_on) from " ~ lists ~ ")) as to_day from " ~ lists -%}
    {{ return([
        keys_of_pending('payments', 'payment_id'),
        "select payment_id from " ~ payments ~ " where cell_id in (" ~ cells_changed('cell_registry', lists) ~ ")",
        "select payment.payment_id from " ~ payments ~ " as payment inner join (" ~ first_days ~ ") as first_list"
        ~ " on " ~ in_days('first_list.from_day', pending) ~ " and payment.occurred_on >= first_list.from_day"
        ~ " and (payment.occurred_on < first_list.to_day or first_list.to_day is null)",
    ]) }}
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
