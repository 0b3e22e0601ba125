{#-
What each incremental model has already read: `pipeline.consumed`, one row per model, feed and `dt` with the
revision that was current then. A model names its feeds in `config(meta={'consumes': [...]})`; its progress is
written by a post-hook inside the transaction that writes its rows, so that a kill leaves both or neither.
-#}

{% macro consumed_relation() -%}
    {{ return(api.Relation.create(database=target.database, schema='pipeline', identifier='consumed')) }}
{%- endmacro %}

{#- One row per feed, dt and revision, with `is_current`; written by ingest. -#}
{% macro revision_relation() -%}
    {{ return(api.Relation.create(database=target.database, schema='raw', identifier='revision')) }}
{%- endmacro %}

{#- A feed's rows of all retained revisions: what a corrected delivery took away is still there. -#}
{% macro all_revisions(feed) -%}
    {{ return(api.Relation.create(database=target.database, schema='raw', identifier=feed ~ '__all_revisions')) }}
{%- endmacro %}

{% macro create_progress_table() -%}
    {%- if execute -%}
    create schema if not exists {{ consumed_relation().without_identifier() }};
    create table if not exists {{ consumed_relation() }} (
        model varchar not null,
        feed varchar not null,
        dt date not null,
        rev integer not null
    );
    {%- endif -%}
{%- endmacro %}

{#-
What the calling model can read of feeds: of one that it reads through other models with a progress of their own, the
deliveries that all of these have read, since one of them may have been held back, left out or built before the latest
delivery came; of any other, the deliveries in force.
-#}
{% macro deliveries_to_read(feeds) -%}
    (
        {%- for feed in feeds %}
        {%- set readers = readers_before(model, feed) %}
        {%- if readers %}
        select feed, dt, rev from {{ consumed_relation() }}
        where feed = '{{ feed }}' and model in ('{{ readers | join("', '") }}')
        group by feed, dt, rev
        having count(*) = {{ readers | length }}
        {%- else %}
        select feed, dt, rev from {{ revision_relation() }}
        where feed = '{{ feed }}' and is_current
        {%- endif %}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    )
{%- endmacro %}

{#- The nearest models, among those that a node is built on, that consume a feed themselves; none while dbt parses. -#}
{% macro readers_before(node, feed) -%}
    {%- set found = [] -%}
    {%- for unique_id in node.depends_on.nodes if execute and unique_id in graph.nodes -%}
        {%- set parent = graph.nodes[unique_id] -%}
        {%- if feed in parent.config.meta.get('consumes', []) -%}
            {%- do found.append(parent.name) -%}
        {%- else -%}
            {%- do found.extend(readers_before(parent, feed)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | unique | list) }}
{%- endmacro %}

{#- Post-hook of every model; empty, and so not run, for one that consumes no feed. -#}
{% macro record_progress() -%}
    {%- if execute and model.config.meta.get('consumes') -%}
    delete from {{ consumed_relation() }} where model = '{{ model.name }}';
    insert into {{ consumed_relation() }} (model, feed, dt, rev)
    select '{{ model.name }}', feed, dt, rev from {{ deliveries_to_read(model.config.meta.consumes) }} as delivery;
    {%- endif -%}
{%- endmacro %}

{#- Days (ISO text) of a feed with a delivery that this model has not read yet. -#}
{% macro pending_days(feed) -%}
    {%- if feed not in model.config.meta.get('consumes', []) -%}
        {{ exceptions.raise_compiler_error(model.name ~ " reads " ~ feed ~ " by what changed, but does not name it in meta.consumes") }}
    {%- endif -%}
    {{ return(column_of(
        "select cast(delivery.dt as varchar) from " ~ deliveries_to_read([feed]) ~ " as delivery"
        ~ " where not exists (select 1 from " ~ consumed_relation() ~ " as consumed"
        ~ " where consumed.model = '" ~ model.name ~ "' and consumed.feed = delivery.feed"
        ~ " and consumed.dt = delivery.dt and consumed.rev = delivery.rev)"
        ~ " order by 1"
    )) }}
{%- endmacro %}

{#- First column of a query's rows, as a list. -#}
{% macro column_of(query) -%}
    {%- set rows = run_query(query) -%}
    {{ return(rows.columns[0].values() | list if execute else []) }}
{%- endmacro %}

{#- Last day that the deliveries of a feed describe: of those that the calling model can read, as all its rows are. -#}
{% macro data_end(feed) -%}
    (select max(dt) from {{ deliveries_to_read([feed]) }} as delivery)
{%- endmacro %}

{#- First such day. -#}
{% macro data_start(feed) -%}
    (select min(dt) from {{ deliveries_to_read([feed]) }} as delivery)
{%- endmacro %}

{#- The earliest of days (ISO text) as a date; null for none. -#}
{% macro earliest(days) -%}
    cast({{ "'" ~ (days | min) ~ "'" if days else 'null' }} as date)
{%- endmacro %}
