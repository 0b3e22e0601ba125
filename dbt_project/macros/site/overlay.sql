{#-
A site's own rows of a reference table: `<RINGFENCE_SITE>/reference/<table>.csv`, row by row by key. A row with
the key of a default one replaces it (columns that the file leaves out keep their default), any other is added.
Post-hook of the seed, so that `reference.<table>` is what the site says wherever it is read.
-#}
{% macro apply_site_rows(key) -%}
    {%- if execute and env_var('RINGFENCE_SITE', '') -%}
        {#- what a reader would take for a wildcard stands for itself -#}
        {%- set folder = env_var('RINGFENCE_SITE') | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') -%}
        {%- set path = (folder ~ '/reference/' ~ this.identifier ~ '.csv') | replace("'", "''") -%}
        {%- if column_of("select file from glob('" ~ path ~ "')") -%}
            {{ adapter.dispatch('site_rows', 'ringfence')(path, key) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__site_rows(path, key) -%}
    {%- set file = "read_csv('" ~ path ~ "', header = true, all_varchar = true, delim = ',', quote = '\"')" -%}
    {%- set given = column_of("select column_name from (describe select * from " ~ file ~ ")") -%}
    {%- set columns = adapter.get_columns_in_relation(this) -%}
    {%- set known = columns | map(attribute='name') | list -%}
    {%- for name in given if name not in known -%}
        {{ exceptions.raise_compiler_error(path ~ ": column '" ~ name ~ "' is not one of " ~ known | join(', ')) }}
    {%- endfor -%}
    {%- for name in key if name not in given -%}
        {{ exceptions.raise_compiler_error(path ~ ": the key column '" ~ name ~ "' is missing") }}
    {%- endfor -%}
    create or replace temporary table {{ this.identifier }}__site as
    select
        {%- for column in columns %}
        {% if column.name in given %}cast(site.{{ column.name }} as {{ column.data_type }}){% else %}preset.{{ column.name }}{% endif %} as {{ column.name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ file }} as site
    left join {{ this }} as preset
        on {% for name in key %}preset.{{ name }} = cast(site.{{ name }} as {{ (columns | selectattr('name', 'equalto', name) | first).data_type }}){{ ' and ' if not loop.last }}{% endfor %};
    delete from {{ this }} as preset
    where exists (
        select 1 from {{ this.identifier }}__site as site
        where {% for name in key %}site.{{ name }} = preset.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
    );
    insert into {{ this }} select * from {{ this.identifier }}__site
{%- endmacro %}
