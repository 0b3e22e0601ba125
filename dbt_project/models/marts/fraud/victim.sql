with flagged as (
    select * from {{ ref('int_flagged_payment') }}
    where is_confirmed
),

final as (
    select
        party_key,
        {{ last_by('line_key', 'occurred_at') }} as line_key,
        {{ last_by('number_key', 'occurred_at') }} as number_key,
        {{ measures_by_product() }}
        min(occurred_at) as first_occurred_at,
        max(occurred_at) as last_occurred_at,
        min(first_alerted_on) as first_alerted_on,
        {{ days_between('min(occurred_on)', 'min(first_alerted_on)') }} as days_to_alert
    from flagged
    group by party_key
)

select * from final
