with raised as (
    {%- for detector in alerting_detectors() %}
        select
            *,
            '{{ detector | upper }}' as detector
        from {{ ref('int_alert_' ~ detector) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

payments as (
    select * from {{ ref('fct_payment') }}
),

-- what more than one suspects has the points of the rules, and stands since the earliest
once as (
    select
        payment_id,
        coalesce(max(score) filter (where detector = 'RULES'), max(score)) as score,
        {{ ordered_list('reasons', 'detector') }} as reasons,
        {{ ordered_list('detector', 'detector') }} as alerted_by,
        max(severity_rank) as severity_rank,
        min(first_alerted_dt) as first_alerted_dt,
        min(first_alerted_at) as first_alerted_at
    from raised
    group by payment_id
),

alerted as (
    select
        once.*,
        payments.occurred_at,
        coalesce(payments.line_key, payments.number_key) as party_key
    from once
    inner join payments on once.payment_id = payments.payment_id
),

-- an episode goes on until a week has passed without an alert
episodes as (
    select
        *,
        coalesce(
            occurred_at - lag(occurred_at) over (partition by party_key order by occurred_at, payment_id)
            >= interval 7 day,
            true
        ) as opens_case
    from alerted
),

final as (
    select
        payment_id,
        party_key,
        score,
        reasons,
        alerted_by,
        case severity_rank when 3 then 'HIGH' when 2 then 'MEDIUM' else 'LOW' end as severity,
        first_alerted_dt,
        first_alerted_at,
        {{ case_of_payment(last_known('case when opens_case then payment_id end')) }} over (
            partition by party_key order by occurred_at, payment_id
            rows between unbounded preceding and current row
        ) as case_id
    from episodes
)

select * from final
