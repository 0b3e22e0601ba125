{%- set features = propensity_features() -%}

-- the beginnings of ordinary months whose outcome is known
with lines as (
    select * from {{ ref('int_propensity_line') }}
    where
        is_over
        and is_ordinary
),

final as (
    select
        snapshot_on,
        snapshot_on + {{ horizon_days() }} as known_by,
        {%- for feature in features %}
            {{ feature }},
        {%- endfor %}
        cast(sum(stands_for) as double) as lines,
        count(left_on) as departures
    from lines
    group by
        snapshot_on
        {%- for feature in features %}, {{ feature }} {%- endfor %}
)

select * from final
