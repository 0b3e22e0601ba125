with measures as (
    select * from {{ ref('int_challenger_measure') }}
),

final as (
    select
        scope,
        cast(month as date) as month,
        detector,
        days,
        payments,
        frauds,
        top_k,
        frauds_found,
        card_precision_pct,
        card_precision_low_pct,
        card_precision_high_pct,
        card_precision_gain_pct,
        card_precision_gain_low_pct,
        card_precision_gain_high_pct,
        average_precision_pct,
        average_precision_low_pct,
        average_precision_high_pct,
        average_precision_gain_pct,
        average_precision_gain_low_pct,
        average_precision_gain_high_pct
    from measures
)

select * from final
