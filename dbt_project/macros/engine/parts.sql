{#-
One predicate per part of a relation, for a `union all`; rows of one `key` stay in one part. What sorts or groups
all rows at once needs memory, or disk, for all of them, and the branches run one after another: each row may take so
many bytes. An incremental run, which reads little, has one part.
-#}
{% macro parts_of(relation, key, bytes_per_row=600) -%}
    {%- set parts = 1 if is_incremental() else parts_in_memory(relation, bytes_per_row) -%}
    {%- set predicates = [] -%}
    {%- for part in range(parts) -%}
        {%- do predicates.append('true' if parts == 1 else part_of(key, parts) ~ ' = ' ~ part) -%}
    {%- endfor -%}
    {{ return(predicates) }}
{%- endmacro %}

{#- In how many parts a relation fits into the engine's memory, one by one; 1 of what is not there yet. -#}
{% macro parts_in_memory(relation, bytes_per_row) -%}
    {{ return(adapter.dispatch('parts_in_memory', 'ringfence')(relation, bytes_per_row)) }}
{%- endmacro %}

{% macro duckdb__parts_in_memory(relation, bytes_per_row) -%}
    {%- set is_there = relation.database and load_relation(relation) -%}
    {%- set query -%}
        select
            coalesce(
                (
                    select estimated_size from duckdb_tables()
                    where
                        database_name = '{{ relation.database }}'
                        and schema_name = '{{ relation.schema }}'
                        and table_name = '{{ relation.identifier }}'
                ),
                {{ '(select count(*) from ' ~ relation ~ ')' if is_there else 0 }}
            ) * {{ bytes_per_row }} // parse_formatted_bytes(current_setting('memory_limit')) + 1
    {%- endset -%}
    {{ return((column_of(query) + [1]) | first | int) }}
{%- endmacro %}

{#- In which of so many parts a key falls, from 0. -#}
{% macro part_of(key, parts) -%}
    {{ return(adapter.dispatch('part_of', 'ringfence')(key, parts)) }}
{%- endmacro %}

{% macro duckdb__part_of(key, parts) -%}
    hash({{ key }}) % {{ parts }}
{%- endmacro %}
