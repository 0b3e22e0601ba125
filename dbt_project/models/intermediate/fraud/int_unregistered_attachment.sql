{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
) }}

{%- set touched = ref('int_unregistered_attachment__touched') %}

with attachments as (
    select
        *,
        {{ local_date('hour_start') }} as seen_on
    from {{ ref('stg_network__cell_attachments') }}
    where {{ is_touched_day('dt', touched) }}
),

registrations as (
    select * from {{ ref('int_cell_registration') }}
),

absences as (
    select * from {{ ref('int_cell_absence') }}
),

final as (
    select
        attachments.dt,
        attachments.number_key,
        attachments.cell_id,
        attachments.region_code,
        attachments.hour_start,
        attachments.seen_on,
        attachments.attach_count,
        attachments.first_seen_at,
        attachments.last_seen_at,
        absences.absent_to as cleared_on
    {{ from_unregistered('attachments', 'seen_on') }}
)

select * from final
