{#-
What an incremental run has to test: of a model whose touched keys were replaced, the rows of these keys. Each row that
is left has another key than any that came, so whatever was unique before still is; the random history of
`test_dbt_incremental.py` holds the strategy to that. A view over one such model shows its rows, and is tested likewise.
What was built whole, or by nobody who says how (`pipeline.wanted`), is tested whole.
-#}

{#- Condition on the rows that a key test of `columns` looks at; empty for all of them. -#}
{% macro where_touched(columns) -%}
    {%- set built = model_with_rows_of(graph.nodes.get(model.attached_node)) if execute else none -%}
    {%- set is_of_key = built and built.config.unique_key in columns -%}
    {%- if is_of_key and is_tested_where_touched(graph.nodes[model.attached_node]) -%}
        {%- set touched = api.Relation.create(
            database=target.database or none, schema='pipeline', identifier=built.name ~ '__touched'
        ) -%}
    where
        {{ built.config.unique_key }} in (select {{ built.config.unique_key }} from {{ touched }})
        or {{ built.config.unique_key }} is null
    {%- endif -%}
{%- endmacro %}

{#- The incremental model whose rows a node has one by one: itself, or what a view of one relation reads; else none. -#}
{% macro model_with_rows_of(node) -%}
    {%- if node and node.config.materialized == 'view' and node.depends_on.nodes | length == 1 -%}
        {{ return(model_with_rows_of(graph.nodes.get(node.depends_on.nodes[0]))) }}
    {%- endif -%}
    {{ return(node if node and node.config.materialized == 'incremental' else none) }}
{%- endmacro %}

{#- Whether the run says that all other rows of a node have passed its tests (`orchestration/warehouse/work.py`). -#}
{% macro is_tested_where_touched(node) -%}
    {%- set query -%}
        select model
        from {{ progress_table('wanted') }}
        where
            model = '{{ node.name }}'
            and not is_tested_whole
    {%- endset -%}
    {{ return(column_of_progress(query) | length > 0) }}
{%- endmacro %}
