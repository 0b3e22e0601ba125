{#- Days that pending changes name, and those of the line's later changes, whose state before is another one now. -#}
{%- set changes = source('billing', 'subscriptions__all_revisions') -%}
{%- set days = pending_days(changes, source('churn_before', 'line_flow_daily'), ref('readable_delivery')) -%}
with pending as (
    select
        line_key,
        changed_at
    from {{ changes }}
    where {{ in_days('dt', days) }}
),

changed_lines as (
    select
        line_key,
        min(changed_at) as changed_from
    from pending
    group by line_key
),

final as (
    select {{ local_date('changed_at') }} as changed_on
    from pending
    union
    select {{ local_date('later.valid_from') }} as changed_on
    from {{ ref('int_subscription_interval') }} as later
    inner join changed_lines
        on
            later.line_key = changed_lines.line_key
            and later.valid_from > changed_lines.changed_from
)

select * from final
