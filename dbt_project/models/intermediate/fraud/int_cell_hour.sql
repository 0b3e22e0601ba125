{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
) }}

{%- set touched = ref('int_cell_hour__touched') %}

with attachments as (
    select * from {{ ref('stg_network__cell_attachments') }}
    where {{ is_touched_day('dt', touched) }}
),

-- a household's femtocell carries a handful of numbers: hours like that are nine tenths of the feed and say nothing
final as (
    select
        dt,
        cell_id,
        hour_start,
        count(*) as numbers
    from attachments
    group by dt, cell_id, hour_start
    having count(*) >= {{ least_numbers_of_a_crowded_hour() }}
)

select * from final
