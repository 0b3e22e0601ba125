{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='changed_on',
) }}

{%- set touched = ref('line_flow_daily__touched') %}

with intervals as (
    select
        *,
        {{ local_date('valid_from') }} as changed_on
    from {{ ref('int_subscription_interval') }}
),

providers as (
    select * from {{ ref('dim_provider') }}
),

changes as (
    select
        changed_on,
        provider,
        line_type,
        status <> 'TERMINATED' and coalesce(previous_status, 'TERMINATED') = 'TERMINATED' as is_start,
        status = 'TERMINATED' and previous_status <> 'TERMINATED' as is_end,
        coalesce(previous_status = 'TERMINATED', false) as was_terminated,
        termination_reason
    from intervals
    where
        {{ is_touched('changed_on', touched) }}
        and {{ is_near_touched_day('valid_from', touched, 1, key='changed_on') }}
),

final as (
    select
        changes.changed_on,
        providers.group_name as provider_group,
        changes.line_type,
        count(*) filter (where changes.is_start and not changes.was_terminated) as started,
        count(*) filter (where changes.is_start and changes.was_terminated) as came_back,
        count(*) filter (where changes.is_end) as terminated,
        count(*) filter (where changes.is_end and changes.termination_reason = 'PORT_OUT') as terminated_by_port_out
    from changes
    inner join providers on changes.provider = providers.provider
    where
        (changes.is_start or changes.is_end)
        and {{ in_view(['providers.group_name']) }}
    group by changes.changed_on, providers.group_name, changes.line_type
)

select * from final
