{#-
Materialization of a table on DuckDB: one transaction drops the old one, makes the new one and runs the hooks, so that
there is always one or the other. dbt's own also asks the catalog for indexes, foreign keys, grants and leftovers of the
last attempt, and renames twice: for a table of few rows that is most of its time.
A Python model writes on a connection of its own, so its table is made beside the old one first.
-#}
{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set old = load_cached_relation(this) or target_relation -%}
    {%- set beside = make_intermediate_relation(target_relation) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if model.language == 'python' -%}
        {%- do run_query('drop table if exists ' ~ beside) -%}
        {%- call statement('main', auto_begin=False, language='python') -%}
            {{ create_table_as(False, beside, compiled_code, 'python') }}
        {%- endcall -%}
    {%- endif -%}
    {%- call statement('drop_old') -%}  {#- begins the transaction, as `run_query` does not -#}
        drop {{ old.type }} if exists {{ old }}
    {%- endcall -%}
    {%- if model.language == 'python' -%}
        {%- do run_query('alter table ' ~ beside ~ ' rename to ' ~ target_relation.identifier) -%}
    {%- else -%}
        {%- call statement('main') -%}
            {{ create_table_as(False, target_relation, compiled_code) }}
        {%- endcall -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {%- do persist_docs(target_relation, model) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
