{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'consumes': ['cell_attachments']},
) }}

{%- set read_days = 'true' -%}
{%- if is_incremental() -%}
    {%- set read_days = in_days('dt', pending_days('cell_attachments')) -%}
    {%- do touch('dt', ["select dt from " ~ revision_relation() ~ " where " ~ read_days]) -%}
{%- endif %}

with attachments as (
    select * from {{ ref('stg_network__cell_attachments') }}
    where {{ read_days }}
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
