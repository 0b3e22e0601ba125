{#-
Materialization of what the pipeline keeps for itself: one statement replaces the table, and the post-hooks belong to the
same transaction. dbt's `table` asks the catalog for indexes, foreign keys, grants and leftovers of the last attempt, and
renames twice: much ado for some hundred keys that nobody reads meanwhile.
-#}
{% materialization replaced_table, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        {{ replace_table(target_relation, compiled_code) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
