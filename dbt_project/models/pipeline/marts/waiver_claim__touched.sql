-- depends_on: {{ ref('int_termination_fee') }}
{%- set fees = source('billing', 'termination_fees__all_revisions') -%}
{%- set changes = source('billing', 'subscriptions__all_revisions') -%}
{%- set previous = source('churn_before', 'waiver_claim') -%}
{%- set deliveries = ref('readable_delivery') -%}
{%- set change_days = pending_days(changes, previous, deliveries) %}

with changed as (
    select
        line_key,
        number_key
    from {{ changes }}
    where {{ in_days('dt', change_days) }}
),

final as (
    select line_key
    from {{ fees }}
    where {{ in_days('dt', pending_days(fees, previous, deliveries)) }}
    union
    select line_key from changed
    union
    -- whoever had the number before it came back
    select line_key
    from {{ ref('dim_line') }}
    where number_key in (select changed.number_key from changed)
    {%- if change_days and is_kept(previous) %}
        union
        -- whose number came back on a line that a change delivered again may give another one
        select line_key
        from {{ previous }}
        where exclusion in ('RETURNED', 'CANCELLED')
    {%- endif %}
)

select * from final
where line_key is not null
