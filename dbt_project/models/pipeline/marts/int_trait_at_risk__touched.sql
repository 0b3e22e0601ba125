-- depends_on: {{ ref('dim_line') }}
{#- Incidents that began on or after the first day that a pending change names: what was before it, it leaves alone. -#}
{%- set changes = source('billing', 'subscriptions__all_revisions') -%}
{%- set days = pending_days(changes, source('intermediate_before', 'int_trait_at_risk'), ref('readable_delivery')) %}

with pending as (
    select {{ local_date('min(changed_at)') }} as changed_from
    from {{ changes }}
    where {{ in_days('dt', days) }}
),

final as (
    select incidents.incident_id
    from {{ ref('dim_incident') }} as incidents
    inner join pending on incidents.starts_on >= pending.changed_from
)

select * from final
