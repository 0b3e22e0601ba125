{#- How Spark materializes what no dbt-spark does on plain Parquet: a new table, which takes the old one's place. -#}
{% materialization replaced_table, adapter='spark' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        {{ replace_table(target_relation, compiled_code) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- The rows that were not touched beside those that were recomputed, as a new table. -#}
{% materialization incremental, adapter='spark', supported_languages=['sql', 'python'] %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set recomputed = target_relation.incorporate(path={'identifier': this.identifier ~ '__recomputed'}) -%}
    {%- set beside = target_relation.incorporate(path={'identifier': this.identifier ~ '__new'}) -%}
    {%- set key = config.get('unique_key') -%}
    {{ run_hooks(pre_hooks) }}
    {%- set query = compiled_code -%}
    {%- if model.language == 'python' -%}
        {%- do run_query('drop table if exists ' ~ recomputed) -%}
        {%- call statement('recomputed', language='python') -%}
{{ spark_python_table(recomputed, compiled_code) }}
        {%- endcall -%}
        {%- set query = 'select * from ' ~ recomputed -%}
    {%- endif -%}
    {%- if is_incremental() -%}
        {%- set columns = get_quoted_csv(adapter.get_columns_in_relation(this) | map(attribute='name')) -%}
        {%- set query -%}
            select {{ columns }}
            from {{ this }} as kept
            where not exists (
                select 1
                from {{ ref(this.identifier ~ '__touched') }} as touched
                where touched.{{ key }} = kept.{{ key }}
            )
            union all
            select {{ columns }}
            from ({{ query }}) as recomputed
        {%- endset -%}
    {%- endif -%}
    {%- do run_query('drop table if exists ' ~ beside) -%}
    {%- call statement('main') -%}
        {{ create_table_as(False, beside, query) }}
    {%- endcall -%}
    {%- do run_query('drop table if exists ' ~ target_relation) -%}
    {%- do run_query('alter table ' ~ beside ~ ' rename to ' ~ target_relation) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
