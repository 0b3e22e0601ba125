{#- The score in tenths of a point, a hundred of which double the odds: levels so few that nobody has to sort. -#}
with payments as (
    select * from {{ ref('int_challenger_payment') }}
),

given as (
    select
        'RULES' as detector,
        told_on,
        points as level,
        is_fraud
    from payments
    union all
    select
        'SCORE' as detector,
        told_on,
        round(100 * {{ log2_odds('probability') }}) as level,
        is_fraud
    from payments
),

final as (
    select
        detector,
        told_on,
        level,
        count(*) as payments,
        count(*) filter (where is_fraud) as frauds
    from given
    group by detector, told_on, level
)

select * from final
