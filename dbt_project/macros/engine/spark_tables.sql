{#-
How tables are kept on Apache Spark: as Parquet under RINGFENCE_SPARK_DIR, in a folder of the dbt command that made them
(`tables/<invocation>/<schema>.<name>`). Nothing is ever written over, so that a killed command leaves what was there:
which folders count, the engine says when the command has ended (orchestration/warehouse/spark.py).
-#}
{% macro spark_folder(relation) -%}
    {%- set name = relation.schema ~ '.' ~ relation.identifier -%}
    {{ return(env_var('RINGFENCE_SPARK_DIR') ~ '/tables/' ~ invocation_id ~ '/' ~ name) }}
{%- endmacro %}

{% macro spark__location_clause() -%}
    location '{{ spark_folder(this) }}'
{%- endmacro %}

{% macro spark__file_format_clause() -%}
    using parquet
{%- endmacro %}

{% macro spark__replace_table(relation, query) -%}
    {%- do run_query('drop table if exists ' ~ relation) -%}
    {{ create_table_as(False, relation, query) }}
{%- endmacro %}

{#- Asked and written beside Spark (orchestration/warehouse/spark_progress.py). -#}
{% macro spark__column_of_progress(query) -%}
    {{ return(adapter.progress.column_of(query) if execute else []) }}
{%- endmacro %}

{% macro spark__replace_progress(name, model_name, rows) -%}
    {%- do adapter.progress.replace(name, model_name, rows) if execute -%}
    refresh table {{ progress_table(name) }}
{%- endmacro %}

{% macro spark__show_progress(relation) -%}
    {%- do adapter.progress.show(relation | string, model.compiled_code) if execute -%}
{%- endmacro %}

{#- They are laid out before dbt begins, from what the warehouse's file says. -#}
{% macro spark__create_progress_tables() -%}
{%- endmacro %}

{#- What relations are made of is said when the command has ended, with the views that show them. -#}
{% macro spark__record_progress(relation) -%}
{%- endmacro %}

{#- Contracts name DuckDB's types; what Spark calls them. -#}
{% macro spark_type(name) -%}
    {{ return({'varchar': 'string', 'uuid': 'string', 'timestamptz': 'timestamp'}.get(name | lower, name)) }}
{%- endmacro %}

{% macro spark__get_empty_schema_sql(columns) -%}
    select
    {%- for name, column in columns.items() %}
        cast(null as {{ spark_type(column.data_type) }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Parquet knows no constraint; a table that breaks one is not shown (orchestration/warehouse/spark_facade.py). -#}
{% macro spark__persist_constraints(relation, model) -%}
{%- endmacro %}

{#- A cell of a reference table; dbt-spark's own is the text `None` where it is empty, and ends at a quote. -#}
{% macro spark_cell(value, type) -%}
    {%- set text = value | string | replace('\\', '\\\\') | replace("'", "\\'") -%}
    cast({{ 'null' if value is none else "'" ~ text ~ "'" }} as {{ type }})
{%- endmacro %}

{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model.config.get('column_types', {}) -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
        {%- set cells = [] -%}
        {%- for name in agate_table.column_names -%}
            {%- set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
            {%- do cells.append(spark_cell(row[loop.index0], type)) -%}
        {%- endfor -%}
        {%- do rows.append('(' ~ cells | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- set sql = 'insert into ' ~ this ~ ' values ' ~ rows | join(', ') -%}
    {%- if rows -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {%- endif -%}
    {{ return(sql) }}
{%- endmacro %}

{% macro spark__fill_from_csv(path) -%}
    {%- set own = this.identifier ~ '__of_site' -%}
    {%- do run_query(
        'create or replace temporary view ' ~ own ~ " using csv options (path '" ~ path
        ~ "', header 'true', quote '\"', escape '\"', multiLine 'true', emptyValue '')"
    ) -%}
    insert overwrite table {{ this }}
    select
        {%- for column in adapter.get_columns_in_relation(this) %}
        cast({{ column.name }} as {{ column.dtype }}) as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ own }}
{%- endmacro %}

{#- The statement that makes a table, or the code of a model in Python (orchestration/warehouse/dbt_on_spark.py). -#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if language == 'python' -%}{{ spark_python_table(relation, compiled_code) }}{%- else -%}
        {%- set query = compiled_code -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(query) }}
            {%- set query = get_select_subquery(query) -%}
        {%- endif -%}
    create table {{ relation }}
    {{ file_format_clause() }}
    {{ location_clause() }}
    as
    {{ query }}
    {%- endif -%}
{%- endmacro %}

{% macro spark_python_table(relation, compiled_code) %}
{{ compiled_code }}
write(model(dbtObj(relation_of), spark), "{{ relation }}", "{{ spark_folder(relation) }}")
{%- endmacro %}
