-- depends_on: {{ ref('int_payment_feature') }}
-- depends_on: {{ ref('int_number_habit') }}
-- depends_on: {{ ref('int_place_day') }}
-- depends_on: {{ ref('int_unregistered_payment') }}
-- depends_on: {{ ref('int_unregistered_attachment') }}
{%- set previous = source('intermediate_before', 'int_score_model') %}
with {{ first_change(
    feeds=feeds_of_scores(),
    events=source('payments', 'payments__all_revisions'),
    state=ref('int_payment_latest'),
    previous=previous,
    deliveries=ref('readable_delivery'),
    receipts=source('receipts', 'revision')
) }},

final as (
    select weeks.trained_for
    from {{ ref('int_score_week') }} as weeks
    inner join first_change on weeks.trained_for > first_change.since
    {%- if is_kept(previous) %}
        union
        select previous.trained_for
        from {{ previous }} as previous
        inner join first_change on previous.trained_for > first_change.since
        union
        select trained_for
        from {{ ref('int_score_week') }}
        where trained_for not in (select previous.trained_for from {{ previous }} as previous)
    {%- endif %}
)

select * from final
