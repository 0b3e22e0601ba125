{#-
Query for the days on which pending subscriptions may change what happened to a line: those that they name, in any of
their revisions, and those of the line's later changes, whose state before is another one now.
-#}
{% macro days_of_changed_lines(intervals) -%}
    {%- set pending = "select line_key, changed_at from " ~ all_revisions('subscriptions')
        ~ " where " ~ in_days('dt', pending_days('subscriptions')) -%}
    {{ return([
        "select " ~ local_date('changed_at') ~ " as changed_on from (" ~ pending ~ ") as pending",
        "select " ~ local_date('later.valid_from') ~ " as changed_on from " ~ intervals ~ " as later inner join ("
        ~ "select line_key, min(changed_at) as changed_from from (" ~ pending ~ ") as pending group by line_key"
        ~ ") as changed on later.line_key = changed.line_key and later.valid_from > changed.changed_from",
    ]) }}
{%- endmacro %}
