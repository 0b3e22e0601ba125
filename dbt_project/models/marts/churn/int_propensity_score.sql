{{ config(materialized='view') }}

{%- set features = propensity_features() -%}
-- a score is the sum of its traits' coefficients; one that the model has not met adds nothing
with lines as (
    select * from {{ ref('int_propensity_line') }}
),

coefficients as (
    select * from {{ ref('int_propensity_model') }}
),

levels as (
    select * from coefficients
    where feature = 'INTERCEPT'
),

summed as (
    select
        lines.*,
        {%- for feature in features %}
            coalesce(of_{{ feature }}.coefficient, 0) as of_{{ feature }},
        {%- endfor %}
        levels.coefficient
        {%- for feature in features %}
            + coalesce(of_{{ feature }}.coefficient, 0)
        {%- endfor %} as log_odds
    from lines
    inner join levels on lines.trained_for = levels.trained_for
    {%- for feature in features %}
        left join coefficients as of_{{ feature }}
            on
                lines.trained_for = of_{{ feature }}.trained_for
                and of_{{ feature }}.feature = '{{ feature }}'
                and lines.{{ feature }} = of_{{ feature }}.value
    {%- endfor %}
),

final as (
    select
        *,
        1e0 / (1e0 + exp(-log_odds)) as probability
    from summed
)

select * from final
