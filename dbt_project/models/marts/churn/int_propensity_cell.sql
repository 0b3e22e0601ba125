{%- set features = propensity_features() -%}
{#- Of those who stay, one in four is learnt from, and counts for all of them; whoever leaves counts once. -#}
{%- set halvings = 2 -%}

-- the beginnings of ordinary months whose outcome is known
with lines as (
    select
        *,
        left_on is not null as has_left,
        left_on is not null or {{ is_sampled('line_key', halvings, of='stayers') }} as is_learnt_from
    from {{ ref('int_propensity_line') }}
    where
        is_over
        and is_ordinary
),

weights as (
    select
        snapshot_on,
        has_left,
        1e0 * count(*) / nullif(count(*) filter (where is_learnt_from), 0) as weight
    from lines
    group by snapshot_on, has_left
),

final as (
    select
        lines.snapshot_on,
        lines.snapshot_on + {{ horizon_days() }} as known_by,
        {%- for feature in features %}
            lines.{{ feature }},
        {%- endfor %}
        cast(sum(weights.weight) as double) as lines,
        count(lines.left_on) as departures
    from lines
    inner join weights
        on
            lines.snapshot_on = weights.snapshot_on
            and lines.has_left = weights.has_left
    where lines.is_learnt_from
    group by
        lines.snapshot_on
        {%- for feature in features %}, lines.{{ feature }} {%- endfor %}
)

select * from final
