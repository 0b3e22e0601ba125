{#-
What each incremental model has read. `pipeline.offered` holds the deliveries that were there to read when its touched
relation was built, `pipeline.consumed` those that its rows hold: one row per model, feed and `dt`, with the revision.
The touched relation's post-hook writes the first, the model's post-hook copies it to the second in the transaction
that writes its rows. So a kill leaves rows and progress or neither, and a model that is built without its touched
relation records nothing that it did not recompute.
-#}

{% macro create_progress_tables() -%}
    {{ return(adapter.dispatch('create_progress_tables', 'ringfence')()) }}
{%- endmacro %}

{% macro duckdb__create_progress_tables() -%}
    {%- if execute -%}
    {%- for name, more in {'made_of': '', 'wanted': ', is_tested_whole boolean'}.items() %}
    create schema if not exists {{ progress_table(name).without_identifier() }};
    create table if not exists {{ progress_table(name) }} (
        model varchar not null,
        code varchar not null,
        version varchar,
        replaced varchar,
        was_whole boolean
        {{- more }}
    );
    {%- endfor %}
    {%- for name in ['consumed', 'offered'] %}
    create schema if not exists {{ progress_table(name).without_identifier() }};
    create table if not exists {{ progress_table(name) }} (
        model varchar not null,
        feed varchar not null,
        dt date not null,
        rev integer not null
    );
    {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{% macro progress_table(name) -%}
    {{ return(api.Relation.create(database=target.database or none, schema='pipeline', identifier=name)) }}
{%- endmacro %}

{#- Post-hook of a touched relation: what its model can read by now. -#}
{% macro record_offer(touched, deliveries) -%}
    {%- set name = touched.identifier | replace('__touched', '') -%}
    {{ replace_progress('offered', name, deliveries) }}
{%- endmacro %}

{#- Post-hook of every model; empty, and so not run, for all but incremental ones: what its rows hold by now. -#}
{% macro record_read(relation) -%}
    {%- if execute and model.config.materialized == 'incremental' -%}
    {{ replace_progress('consumed', relation.identifier, progress_table('offered')) }}
    {%- endif -%}
{%- endmacro %}

{#- Post-hook of every model and seed; empty for the pipeline's own. -#}
{% macro record_progress(relation) -%}
    {{ return(adapter.dispatch('record_progress', 'ringfence')(relation)) }}
{%- endmacro %}

{% macro duckdb__record_progress(relation) -%}
    {%- if execute and 'pipeline' not in model.tags -%}
    {%- set columns = 'model, code, version, replaced, was_whole' -%}
    {{ replace_rows(
        progress_table('made_of'),
        key='model',
        keys="'" ~ relation.identifier ~ "'",
        columns=columns,
        rows='select ' ~ columns ~ ' from ' ~ progress_table('wanted')
            ~ " where model = '" ~ relation.identifier ~ "'",
    ) }}
    {%- endif -%}
{%- endmacro %}

{#-
Whether an incremental model is to be built whole: dbt is told so, or its rows were made by other code than is wanted
(`orchestration/warehouse/due.py`). In place of dbt's own macro of this name; its touched relation asks for it, too.
-#}
{% macro should_full_refresh() -%}
    {%- set query -%}
        select wanted.model
        from {{ progress_table('wanted') }} as wanted
        left join {{ progress_table('made_of') }} as made_of on wanted.model = made_of.model
        where
            wanted.model = '{{ this.identifier | replace('__touched', '') }}'
            and wanted.code is distinct from made_of.code
    {%- endset -%}
    {{ return(flags.FULL_REFRESH or (execute and column_of_progress(query) | length > 0)) }}
{%- endmacro %}

{% macro replace_progress(name, model_name, deliveries) -%}
    {%- set rows -%}
        select model, feed, dt, rev from {{ deliveries }} where model = '{{ model_name }}'
    {%- endset -%}
    {{ return(adapter.dispatch('replace_progress', 'ringfence')(name, model_name, rows)) }}
{%- endmacro %}

{% macro duckdb__replace_progress(name, model_name, rows) -%}
    {{ replace_rows(
        progress_table(name),
        key='model',
        keys="'" ~ model_name ~ "'",
        columns='model, feed, dt, rev',
        rows=rows,
    ) }}
{%- endmacro %}

{#- First column of a query of progress tables and views over them, as a list. -#}
{% macro column_of_progress(query) -%}
    {{ return(adapter.dispatch('column_of_progress', 'ringfence')(query)) }}
{%- endmacro %}

{% macro duckdb__column_of_progress(query) -%}
    {{ return(column_of(query)) }}
{%- endmacro %}

{#- Post-hook of a view over progress tables: whoever answers for them knows it, too. -#}
{% macro show_progress(relation) -%}
    {{ return(adapter.dispatch('show_progress', 'ringfence')(relation)) }}
{%- endmacro %}

{% macro duckdb__show_progress(relation) -%}
{%- endmacro %}

{#-
By feed, the nearest models that track it among those that a node is built on; an empty list where the node reads the
feed itself. `known` remembers the answer for each node. Pipeline nodes say what to recompute, not what of: they are
left out.
-#}
{% macro tracked_feeds(unique_id, known) -%}
    {%- if unique_id not in known -%}
        {%- set found = {} -%}
        {%- for parent_id in graph.nodes[unique_id].depends_on.get('nodes', []) -%}
            {%- if parent_id in graph.sources -%}
                {%- set feed = graph.sources[parent_id].config.meta.get('feed') -%}
                {%- if feed -%}
                    {%- do found.update({feed: found.get(feed, [])}) -%}
                {%- endif -%}
            {%- elif 'pipeline' not in graph.nodes[parent_id].tags -%}
                {%- set parent = graph.nodes[parent_id] -%}
                {%- for feed, trackers in tracked_feeds(parent_id, known).items() -%}
                    {%- set nearest = [parent.name] if parent.config.materialized == 'incremental' else trackers -%}
                    {%- do found.update({feed: (found.get(feed, []) + nearest) | unique | list}) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do known.update({unique_id: found}) -%}
    {%- endif -%}
    {{ return(known[unique_id]) }}
{%- endmacro %}

{#-
Lineage of the incremental models: one row per model, feed and nearest model through which it is read (`tracker`, empty
where it is read as it came), with the number of `trackers`.
-#}
{% macro lineage_rows() -%}
    {%- set rows, known = [], {} -%}
    {%- for node in (graph.nodes.values() if execute else []) if node.config.materialized == 'incremental' -%}
        {%- for feed, trackers in tracked_feeds(node.unique_id, known).items() -%}
            {%- for tracker in trackers or [''] -%}
                {%- do rows.append(
                    {'model': node.name, 'feed': feed, 'tracker': tracker, 'trackers': trackers | length}
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}

{#- Deliveries of a feed that every one of the given relations holds. -#}
{% macro deliveries_in(feed, relations) -%}
    (
        select dt
        from {{ source('pipeline', 'consumed') }}
        where
            feed = '{{ feed }}'
            and model in ('{{ relations | map(attribute='identifier') | join("', '") }}')
        group by dt, rev
        having count(*) = {{ relations | length }}
    )
{%- endmacro %}

{#- Last day of the deliveries of a feed that every one of the given incremental relations holds. -#}
{% macro data_end(feed, relations) -%}
    (select max(delivery.dt) from {{ deliveries_in(feed, relations) }} as delivery)
{%- endmacro %}

{#- First such day. -#}
{% macro data_start(feed, relations) -%}
    (select min(delivery.dt) from {{ deliveries_in(feed, relations) }} as delivery)
{%- endmacro %}
