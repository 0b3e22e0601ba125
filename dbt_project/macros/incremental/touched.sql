{#-
What an incremental run recomputes: `<model>__touched` in schema `pipeline` holds the keys that deliveries may change
which the model has not read. The model restricts its inputs to them, and the strategy `touched` deletes exactly those
keys and inserts what was recomputed: a key that vanished from raw vanishes from the model too.

Arguments that stand in most macros here: `revisions`, a feed's rows of all retained revisions, since what a corrected
delivery took away is still there; `previous`, the model as the previous run left it; `deliveries`, what it can read.
-#}

{#- Whether the relation is there and stays: a rebuild has no use for touched keys. -#}
{% macro is_kept(previous) -%}
    {{ return(execute and not should_full_refresh() and load_relation(previous) is not none) }}
{%- endmacro %}

{#- Days (ISO text) of a feed with a delivery that the model can read and has not; none if it is built anew. -#}
{% macro pending_days(revisions, previous, deliveries) -%}
    {%- set query -%}
        select distinct cast(dt as string) as day
        from {{ deliveries }}
        where
            model = '{{ previous.identifier }}'
            and feed = '{{ feed_of(revisions) }}'
            and is_pending
        order by 1
    {%- endset -%}
    {{ return(column_of_progress(query) if is_kept(previous) else []) }}
{%- endmacro %}

{#- The feed whose revisions a relation holds. -#}
{% macro feed_of(revisions) -%}
    {{ return(revisions.identifier | replace('__all_revisions', '')) }}
{%- endmacro %}

{#- First column of a query's rows, as a list. -#}
{% macro column_of(query) -%}
    {%- set rows = run_query(query) -%}
    {{ return(rows.columns[0].values() | list if execute else []) }}
{%- endmacro %}

{#- `<column> in (<days>)` with literal days, which lets the engine leave out whole folders. -#}
{% macro in_days(column, days) -%}
    {%- if days -%}
    {{ column }} in (date '{{ days | join("', date '") }}')
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{#-
Days (ISO text) on which the rows of the keys that `days` name can stand, in any revision: these days, those between the
first and last delivery that `state` (a relation with `first_dt`, `last_dt` per key) remembers for them, and those that
were delivered more than once, where there may be what the latest state forgets.
-#}
{% macro history_days(key, revisions, days, state, receipts) -%}
    {%- set query -%}
        select distinct cast(receipt.dt as string) as day
        from {{ receipts }} as receipt
        where
            receipt.feed = '{{ feed_of(revisions) }}'
            and (
                not receipt.is_current
                or {{ in_days('receipt.dt', days) }}
                or exists (
                    select 1
                    from (
                        select distinct first_dt, last_dt
                        from {{ state }}
                        where {{ key }} in (select {{ key }} from {{ revisions }} where {{ in_days('dt', days) }})
                    ) as span
                    where receipt.dt between span.first_dt and span.last_dt
                )
            )
        order by 1
    {%- endset -%}
    {{ return(column_of(query) if days else []) }}
{%- endmacro %}

{#- Body of a touched relation: the keys that pending deliveries name. -#}
{% macro pending_keys(key, revisions, previous, deliveries) -%}
select distinct {{ key }}
from {{ revisions }}
where
    {{ in_days('dt', pending_days(revisions, previous, deliveries)) }}
    and {{ key }} is not null
{%- endmacro %}

{#- Body of a touched relation: the days of pending deliveries of any of the feeds. -#}
{% macro pending_delivery_days(feeds, previous, deliveries) -%}
    {%- set days = [] -%}
    {%- for revisions in feeds -%}
        {%- do days.extend(pending_days(revisions, previous, deliveries)) -%}
    {%- endfor -%}
select distinct dt
from {{ deliveries }}
where
    model = '{{ previous.identifier }}'
    and {{ in_days('dt', days | unique | sort) }}
{%- endmacro %}

{#-
Body of the touched relation of a latest-state model: the keys that pending deliveries name, each with the stretches of
days on which its rows stand: the days of those deliveries, and from the first to the last that `previous` remembers.
-#}
{% macro pending_keys_and_stretches(key, revisions, previous, deliveries) -%}
with named as (
    select distinct
        {{ key }},
        dt
    from {{ revisions }}
    where
        {{ in_days('dt', pending_days(revisions, previous, deliveries)) }}
        and {{ key }} is not null
)

select
    {{ key }},
    dt as from_dt,
    dt as to_dt
from named
{%- if is_kept(previous) %}
union
select
    {{ key }},
    first_dt as from_dt,
    last_dt as to_dt
from {{ previous }}
where {{ key }} in (select named.{{ key }} from named)
{%- endif %}
{%- endmacro %}

{#-
Query for the days of an aggregate that pending deliveries may change: every `day` that any row of a key that they name
says (by an `expression` of its columns), in any retained revision. Needs no memory of its own: old and new days are
both there.
-#}
{% macro days_of_pending(day, key, revisions, state, previous, deliveries, receipts, expression=none) -%}
    {%- set days = pending_days(revisions, previous, deliveries) -%}
select distinct {{ expression or day }} as {{ day }}
from {{ revisions }}
where
    {{ in_days('dt', history_days(key, revisions, days, state, receipts)) }}
    and {{ key }} in (select {{ key }} from {{ revisions }} where {{ in_days('dt', days) }})
    and {{ expression or day }} is not null
{%- endmacro %}

{#- Predicate of a model: the row's key is touched, or everything is built anew. -#}
{% macro is_touched(key, touched) -%}
    {%- if is_incremental() -%}
    {{ key }} in (select {{ key }} from {{ touched }})
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#- The same for a model whose key is the day of the delivery, with literal days. -#}
{% macro is_touched_day(column, touched, key=none) -%}
    {%- if is_incremental() -%}
        {%- set days = "select distinct cast(" ~ (key or column) ~ " as string) from " ~ touched ~ " order by 1" -%}
    {{ in_days(column, column_of(days)) }}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#-
Predicate of a model that looks back: the day is less than `days_before` days before the first touched one. A literal,
too.
-#}
{% macro is_near_touched_day(column, touched, days_before, key=none) -%}
    {%- if is_incremental() -%}
        {%- set first = "min(" ~ (key or column) ~ ")" -%}
        {%- set days = column_of("select cast(" ~ first ~ " as string) from " ~ touched ~ " having count(*) > 0") -%}
    {{ column ~ " > date '" ~ days[0] ~ "' - " ~ days_before if days else 'false' }}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#- Predicate of a model that reads by key and stretch: the touched keys' rows, with the stretches as literals. -#}
{% macro is_in_stretches(key, touched) -%}
    {%- if not is_incremental() -%}
    true
    {%- else -%}
        {%- set query -%}
            with spans as (
                select distinct from_dt, to_dt from {{ touched }}
            ),

            marked as (
                select
                    *,
                    case
                        when from_dt <= 1 + max(to_dt) over (
                            order by from_dt, to_dt rows between unbounded preceding and 1 preceding
                        ) then 0
                        else 1
                    end as is_first
                from spans
            ),

            numbered as (
                select
                    *,
                    sum(is_first) over (order by from_dt, to_dt rows unbounded preceding) as stretch
                from marked
            )

            select
                cast(min(from_dt) as string) as from_dt,
                cast(max(to_dt) as string) as to_dt
            from numbered
            group by stretch
            order by 1
        {%- endset -%}
    (
        {%- for stretch in run_query(query).rows %}
        dt between date '{{ stretch['from_dt'] }}' and date '{{ stretch['to_dt'] }}' or
        {%- endfor %}
        false
    )
    and {{ key }} in (select {{ key }} from {{ touched }})
    {%- endif -%}
{%- endmacro %}

{#- Incremental strategy `touched`; runs in the transaction that the progress post-hook closes. -#}
{% macro get_incremental_touched_sql(arguments) -%}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) -%}
    {%- set key = arguments['unique_key'] -%}
    {{ replace_rows(
        arguments['target_relation'],
        key=key,
        keys='select ' ~ key ~ ' from ' ~ ref(arguments['target_relation'].identifier ~ '__touched'),
        columns=columns,
        rows='select ' ~ columns ~ ' from ' ~ arguments['temp_relation'],
    ) }};
    -- a Python model's rows came in a table that would stay
    drop table if exists {{ arguments['temp_relation'] }}
{%- endmacro %}
