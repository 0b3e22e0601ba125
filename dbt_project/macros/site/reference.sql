{#-
What a site says of a reference table: the rows that stand in `<RINGFENCE_REFERENCE>/<table>.csv` instead of the
seed's. `write_references` in orchestration/site/reference.py lays the sites' rows over those of the seed, which hold
in every country, and writes them before dbt begins.
Post-hook of the seed, so that `reference.<table>` is what the site says wherever it is read.
-#}
{% macro take_site_rows() -%}
    {%- if execute and env_var('RINGFENCE_REFERENCE', '') -%}
        {#- what a reader would take for a wildcard stands for itself -#}
        {%- set folder = env_var('RINGFENCE_REFERENCE') | replace('[', '[[]') | replace('*', '[*]') -%}
        {%- set file = (folder | replace('?', '[?]') ~ '/' ~ this.identifier ~ '.csv') | replace("'", "''") -%}
        {{ adapter.dispatch('fill_from_csv', 'ringfence')(file) }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__fill_from_csv(path) -%}
    delete from {{ this }};
    insert into {{ this }} by name
    select
        {%- for column in adapter.get_columns_in_relation(this) %}
        cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from read_csv('{{ path }}', header = true, all_varchar = true, delim = ',', quote = '"')
{%- endmacro %}
