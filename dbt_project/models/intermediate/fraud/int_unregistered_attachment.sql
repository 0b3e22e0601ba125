{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
    meta={'consumes': ['cell_attachments', 'cell_registry']},
) }}

{%- set registrations = ref('int_cell_registration') -%}
{%- set cells = ref('stg_network__cells') -%}
{%- set read_days = 'true' -%}
{%- if is_incremental() -%}
    {%- set days = attachment_days_of_changed_cells(registrations, cells) -%}
    {%- set read_days = in_days('dt', days) -%}
    {%- do touch('dt', ["select dt from " ~ revision_relation() ~ " where " ~ read_days]) -%}
{%- endif %}

with attachments as (
    select
        *,
        {{ local_date('hour_start') }} as seen_on
    from {{ ref('stg_network__cell_attachments') }}
    where {{ read_days }}
),

registrations as (
    select * from {{ registrations }}
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
