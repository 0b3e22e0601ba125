{#- The columns are together the key: none is null and no combination occurs twice. Returns the offenders. -#}
{% test primary_key(model, columns) %}

with keyed as (
    select
        {{ columns | join(',\n        ') }},
        count(*) as occurrences
    from {{ model }}
    {{ where_touched(columns) }}
    group by {{ columns | join(', ') }}
),

final as (
    select *
    from keyed
    where
        occurrences > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}
)

select * from final

{% endtest %}
