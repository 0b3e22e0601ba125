{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='port_id',
) }}

{%- set touched = ref('port_incident__touched') %}

with ports as (
    select
        *,
        {{ local_date('requested_at') }} as requested_on
    from {{ ref('fct_port') }}
    where
        is_completed
        and not is_same_group
        and {{ is_touched('port_id', touched) }}
),

incidents as (
    select * from {{ ref('dim_incident') }}
    where is_in_view
),

final as (
    select
        incidents.incident_id,
        ports.port_id,
        ports.number_key,
        ports.line_key,
        ports.line_key is not null as has_line,
        incidents.provider_group,
        case when ports.donor_group = incidents.provider_group then 'OUT' else 'IN' end as direction,
        ports.donor_group,
        ports.recipient_group,
        ports.line_type,
        ports.requested_on,
        ports.processed_on,
        ports.requested_on between incidents.starts_on and incidents.ends_on as is_requested_in_window,
        ports.processed_on between incidents.starts_on and incidents.ends_on as is_processed_in_window,
        ports.is_withdrawn,
        ports.is_return,
        ports.plan_code,
        ports.monthly_fee,
        ports.tenure_days,
        ports.etf_due
    from ports
    inner join incidents
        on
            incidents.provider_group in (ports.donor_group, ports.recipient_group)
            and (
                ports.processed_on between incidents.starts_on and incidents.ends_on
                or ports.requested_on between incidents.starts_on and incidents.ends_on
            )
)

select * from final
