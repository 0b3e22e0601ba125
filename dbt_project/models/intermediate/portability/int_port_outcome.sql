{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='requested_on',
) }}

{%- set touched = ref('int_port_outcome__touched') %}

with ports as (
    select
        {{ local_date('requested_at') }} as requested_on,
        donor_group,
        recipient_group,
        line_type,
        case
            when is_completed then 'COMPLETED'
            when status = 'REJECTED' then 'REJECTED'
            when status in ('CANCELLED', 'WITHDRAWN') then 'CANCELLED'
            else 'WAITING'
        end as outcome,
        case
            when is_completed then processed_on
            when status in ('REJECTED', 'CANCELLED', 'WITHDRAWN') then {{ local_date('status_at') }}
        end as ended_on,
        case when status = 'REJECTED' then coalesce(reject_code, 'unknown') end as reject_code,
        withdrawn_on
    from {{ ref('int_port_latest') }}
    where {{ in_view(['donor_group', 'recipient_group']) }}
),

final as (
    select
        requested_on,
        donor_group,
        recipient_group,
        line_type,
        outcome,
        ended_on,
        reject_code,
        withdrawn_on,
        cast(count(*) as bigint) as ports
    from ports
    where {{ is_touched('requested_on', touched) }}
    group by requested_on, donor_group, recipient_group, line_type, outcome, ended_on, reject_code, withdrawn_on
)

select * from final
