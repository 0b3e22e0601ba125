{#-
What an incremental run recomputes. A model's touched keys stand in a temporary table on its own connection,
made while the model is compiled; the model restricts its inputs to them, and the strategy `touched` deletes
exactly those keys and inserts what was recomputed: a key that vanished from raw vanishes from the model too.
-#}

{% macro touched_table() -%}
    {{ return(model.name ~ '__touched') }}
{%- endmacro %}

{#- `<column> in (<days>)` with literal days, which lets the engine leave out whole folders. -#}
{% macro in_days(column, days) -%}
    {%- if days -%}
    {{ column }} in (date '{{ days | join("', date '") }}')
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{#- Predicate: the row's key is touched, or everything is built anew. -#}
{% macro is_touched(key) -%}
    {%- if is_incremental() -%}
    {{ key }} in (select {{ key }} from {{ touched_table() }})
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#- Keep the distinct keys that any of the queries yields as this model's touched keys. -#}
{% macro touch(key, queries) -%}
    {%- do keep_keys(touched_table(), key, queries) -%}
{%- endmacro %}

{% macro keep_keys(table, key, queries) -%}
    {%- do run_query(
        "create or replace temporary table " ~ table ~ " as select distinct " ~ key
        ~ " from (" ~ queries | join(" union all ") ~ ") as keys where " ~ key ~ " is not null"
    ) -%}
{%- endmacro %}

{#- Keys of a feed's pending days, in all their revisions: what a delivery holds and what it replaced. -#}
{% macro keys_of_pending(feed, key) -%}
    {{ return("select " ~ key ~ " from " ~ all_revisions(feed) ~ " where " ~ in_days('dt', pending_days(feed))) }}
{%- endmacro %}

{#-
Days (ISO text) on which the kept keys can have rows: the pending ones, and those between the first and last
delivery that `state` (a relation with `first_dt`, `last_dt` per key) remembers for them.
-#}
{% macro history_days(feed, key, table, state) -%}
    {{ return(column_of(
        "select cast(revision.dt as varchar) from " ~ revision_relation() ~ " as revision"
        ~ " where revision.is_current and revision.feed = '" ~ feed ~ "' and ("
        ~ in_days('revision.dt', pending_days(feed))
        ~ " or exists (select 1 from (select distinct first_dt, last_dt from " ~ state
        ~ " where " ~ key ~ " in (select " ~ key ~ " from " ~ table ~ ")) as span"
        ~ " where revision.dt between span.first_dt and span.last_dt)) order by 1"
    )) }}
{%- endmacro %}

{#- Days (ISO text) of a feed that were delivered more than once: what the latest state forgets is there. -#}
{% macro replaced_days(feed) -%}
    {{ return(column_of(
        "select distinct cast(dt as varchar) from " ~ revision_relation()
        ~ " where feed = '" ~ feed ~ "' and not is_current order by 1"
    )) }}
{%- endmacro %}

{#- Where clause of a latest-state model: on an incremental run, only the touched keys and only their days. -#}
{% macro only_touched(feed, key) -%}
    {%- if is_incremental() -%}
        {%- do touch(key, [keys_of_pending(feed, key)]) -%}
    where
        {{ in_days('dt', history_days(feed, key, touched_table(), this)) }}
        and {{ key }} in (select {{ key }} from {{ touched_table() }})
    {%- endif -%}
{%- endmacro %}

{#- Where clause of a model over all revisions, whose keys' latest states `state` holds. -#}
{% macro only_ever_touched(feed, key, state) -%}
    {%- if is_incremental() -%}
        {%- do touch(key, [keys_of_pending(feed, key)]) -%}
    where
        {{ in_days('dt', history_days(feed, key, touched_table(), state) + replaced_days(feed)) }}
        and {{ key }} in (select {{ key }} from {{ touched_table() }})
    {%- endif -%}
{%- endmacro %}

{#-
Query for the days of an aggregate that a feed's pending deliveries may change: every day that any row of a
touched key names, in any retained revision. Needs no memory of its own: old and new days are both there.
-#}
{% macro days_of_touched(feed, key, state, day) -%}
    {%- set table = model.name ~ '__' ~ feed ~ '_keys' -%}
    {%- do keep_keys(table, key, [keys_of_pending(feed, key)]) -%}
    {{ return(
        "select " ~ day ~ " from " ~ all_revisions(feed)
        ~ " where " ~ in_days('dt', history_days(feed, key, table, state) + replaced_days(feed))
        ~ " and " ~ key ~ " in (select " ~ key ~ " from " ~ table ~ ")"
    ) }}
{%- endmacro %}

{#- Incremental strategy `touched`; runs in the transaction that the progress post-hook closes. -#}
{% macro get_incremental_touched_sql(arguments) -%}
    {%- set key = arguments['unique_key'] -%}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arguments['target_relation'] }}
    where {{ key }} in (select {{ key }} from {{ touched_table() }});
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}
