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
    from attachments
    left join registrations on attachments.cell_id = registrations.cell_id
    left join absences
        on
            attachments.cell_id = absences.cell_id
            and attachments.seen_on >= absences.absent_from
            and attachments.seen_on < absences.absent_to
    where
        attachments.seen_on >= (select min(known.listed_from) from registrations as known)
        and (
            attachments.seen_on >= coalesce(registrations.unregistered_from, date '0001-01-01')
            or absences.cell_id is not null
        )
)

select * from final
