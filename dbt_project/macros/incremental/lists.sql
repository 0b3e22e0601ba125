{#-
Full-list feeds (the cell registry): what a pending list can change is bounded by the list before it and the
list after it. `lists` is a relation with one `list_on` per listed row.
-#}

{#- Days (ISO text) on which the difference to the previous list may have changed: pending ones and their followers. -#}
{% macro touched_list_days(feed, lists) -%}
    {{ return(column_of(
        "with list_day as (select distinct list_on from " ~ lists ~ "),"
        ~ " pending as (select distinct dt as day from " ~ revision_relation()
        ~ " where feed = '" ~ feed ~ "' and " ~ in_days('dt', pending_days(feed)) ~ "),"
        ~ " follower as (select pending.day, min(list_day.list_on) as next_day from pending"
        ~ " join list_day on list_day.list_on > pending.day group by pending.day)"
        ~ " select cast(day as varchar) from pending union select cast(next_day as varchar) from follower order by 1"
    )) }}
{%- endmacro %}

{#- The given days and the list day before each. -#}
{% macro with_previous_list_days(days, lists) -%}
    {{ return(column_of(
        "with list_day as (select distinct list_on, max(list_on) over (order by list_on"
        ~ " range between unbounded preceding and interval 1 day preceding) as previous_on"
        ~ " from (select distinct list_on from " ~ lists ~ ") as listed)"
        ~ " select distinct cast(unnest([list_on, previous_on]) as varchar) as day from list_day where "
        ~ in_days('list_on', days) ~ " order by 1"
    ) | reject('none') | list) }}
{%- endmacro %}

{#-
Query for the `cell_id` whose place in the registry the pending lists may have changed: on some but not all of
the lists around them, superseded revisions included, or with more than one day of deregistration.
-#}
{% macro cells_changed(feed, lists) -%}
    {%- set days = with_previous_list_days(touched_list_days(feed, lists), lists) -%}
    {%- set around = all_revisions(feed) ~ " where " ~ in_days('dt', days) -%}
    {{ return(
        "select cell_id from " ~ around ~ " group by cell_id"
        ~ " having count(distinct (dt, rev)) < (select count(distinct (dt, rev)) from " ~ around ~ ")"
        ~ " or count(distinct coalesce(deregistered_on, date '9999-12-31')) > 1"
    ) }}
{%- endmacro %}
