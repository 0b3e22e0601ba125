{#-
One payment in sixteen, by hash, is enough to see what a feature is like. Bins are hundredths up to one, where shares
and recencies lie, and tenths above, where logarithms do.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='first_dt',
) }}

{%- set touched = ref('int_feature_bin__touched') %}

with sampled as (
    select * from {{ ref('int_score_feature') }}
    where
        {{ is_touched_day('first_dt', touched) }}
        and sample_share < 0.0625e0
),

valued as (
    {%- set columns = {} -%}
    {%- for name in score_features() -%}
        {%- do columns.update({name: name}) -%}
    {%- endfor %}
    {{ column_values('sampled', 'first_dt', columns) }}
),

binned as (
    select
        first_dt,
        name as feature,
        cast(round(case when abs(value) < 1 then 100 * value else sign(value) * 90 + 10 * value end) as integer) as bin
    from valued
),

final as (
    select
        first_dt,
        feature,
        bin,
        count(*) as payments
    from binned
    group by first_dt, feature, bin
)

select * from final
