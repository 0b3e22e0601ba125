{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='line_key',
) }}

{%- set touched = ref('int_line_life__touched') %}

with intervals as (
    select * from {{ ref('int_subscription_interval') }}
    where {{ is_touched('line_key', touched) }}
),

lives as (
    select
        line_key,
        {{ last_by('provider', 'valid_from') }} as provider,
        {{ last_by('line_type', 'valid_from') }} as line_type,
        {{ last_by('activated_on', 'valid_from') }} as activated_on,
        min(valid_from) as observed_from,
        {{ last_by('status', 'valid_from') }} as status,
        {{ last_by('termination_reason', 'valid_from') }} as termination_reason,
        -- a termination that billing repeats ended the line when it was first said
        max(valid_from) filter (
            where status = 'TERMINATED' and previous_status is distinct from 'TERMINATED'
        ) as terminated_at
    from intervals
    group by line_key
),

final as (
    select
        line_key,
        provider,
        line_type,
        activated_on,
        {{ local_date('observed_from') }} as observed_from_on,
        case when status = 'TERMINATED' then {{ local_date('terminated_at') }} end as ended_on,
        case when status = 'TERMINATED' then termination_reason end as termination_reason
    from lives
)

select * from final
