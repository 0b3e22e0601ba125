{#-
One predicate per part of a relation, for a `union all`; rows of one `key` stay in one part. What sorts or groups
all rows at once needs memory, or disk, for all of them, and the branches run one after another. An incremental run,
which reads little, has one part.
-#}
{% macro parts_of(relation, key) -%}
    {%- set parts = 1 if is_incremental() else rows_of(relation) // 10000000 + 1 -%}
    {%- set predicates = [] -%}
    {%- for part in range(parts) -%}
        {%- do predicates.append('true' if parts == 1 else part_of(key, parts) ~ ' = ' ~ part) -%}
    {%- endfor -%}
    {{ return(predicates) }}
{%- endmacro %}

{#- Rows of a table, about; 0 of what is none. -#}
{% macro rows_of(relation) -%}
    {{ return(adapter.dispatch('rows_of', 'ringfence')(relation)) }}
{%- endmacro %}

{% macro duckdb__rows_of(relation) -%}
    {{ return((column_of(
        "select estimated_size from duckdb_tables() where database_name = '" ~ relation.database
        ~ "' and schema_name = '" ~ relation.schema ~ "' and table_name = '" ~ relation.identifier ~ "'"
    ) + [0]) | first) }}
{%- endmacro %}


{#- In which of so many parts a key falls, from 0. -#}
{% macro part_of(key, parts) -%}
    {{ return(adapter.dispatch('part_of', 'ringfence')(key, parts)) }}
{%- endmacro %}

{% macro duckdb__part_of(key, parts) -%}
    hash({{ key }}) % {{ parts }}
{%- endmacro %}
