{#-
DuckDB's alone: replace the rows of a table whose `key` is one of `keys` (a list or a query) by those of a query, in the
transaction that is open. That it may be done twice is the caller's affair: the same keys give the same rows.
-#}
{% macro replace_rows(relation, key, keys, columns, rows) -%}
    delete from {{ relation }} where {{ key }} in ({{ keys }});
    insert into {{ relation }} ({{ columns }}) {{ rows }}
{%- endmacro %}


{#- Statement that makes a table of a query's rows, in place of the one of that name if there is one. -#}
{% macro replace_table(relation, query) -%}
    {{ return(adapter.dispatch('replace_table', 'ringfence')(relation, query)) }}
{%- endmacro %}

{% macro duckdb__replace_table(relation, query) -%}
    create or replace table {{ relation }} as {{ query }}
{%- endmacro %}


{#-
Query: of each row of a relation, one row per column of `columns` (its name in the result, and in the relation), with
the columns `keep`, `name` and `value`, a double.
-#}
{% macro column_values(relation, keep, columns) -%}
    {{ return(adapter.dispatch('column_values', 'ringfence')(relation, keep, columns)) }}
{%- endmacro %}

{% macro duckdb__column_values(relation, keep, columns) -%}
    {%- for name, column in columns.items() %}
    select
        {{ keep }},
        '{{ name }}' as name,
        cast({{ column }} as double) as value
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#-
What the columns of a relation mean. A contract has made sure that they are there, so the catalog is not asked again, as
dbt's own macro of this name does.
-#}
{% macro duckdb__alter_column_comment(relation, column_dict) -%}
    {%- for name, column in column_dict.items() %}
    comment on column {{ relation }}.{{ adapter.quote(name) }} is {{ duckdb_escape_comment(column['description']) }};
    {%- endfor %}
{%- endmacro %}
