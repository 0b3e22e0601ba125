{#-
The population stability index: sum, over ten classes, of (share now - share before) times the logarithm of their ratio.
Classes are the tenths of the month before; a bin that several tenths would share lies whole in the one of its middle.
-#}
with bins as (
    select
        cast(date_trunc('month', first_dt) as date) as month,
        feature,
        bin,
        cast(sum(payments) as bigint) as payments
    from {{ ref('int_feature_bin') }}
    group by cast(date_trunc('month', first_dt) as date), feature, bin
),

words as (
    {%- for name, feature in score_features().items() %}
        select
            '{{ name }}' as feature,
            '{{ feature.words }}' as words
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

months as (
    select
        cast(date_trunc('month', first_dt) as date) as month,
        max(first_dt) as last_dt
    from {{ ref('int_feature_bin') }}
    group by cast(date_trunc('month', first_dt) as date)
),

reached as (
    select
        month,
        feature,
        bin,
        payments,
        sum(payments) over (partition by month, feature) as payments_sampled,
        sum(payments) over (partition by month, feature order by bin) - payments / 2e0 as middle
    from bins
),

tenths as (
    select
        month,
        feature,
        cast(floor(10 * middle / payments_sampled) as integer) as tenth,
        max(bin) as last_bin,
        1e0 * sum(payments) / max(payments_sampled) as share_before
    from reached
    group by month, feature, cast(floor(10 * middle / payments_sampled) as integer)
),

-- a class reaches from where the one before ends; what is beyond the last is in the last
classes as (
    select
        {{ months_after('month', '1') }} as month,
        feature,
        tenth,
        share_before,
        coalesce(lag(last_bin) over in_order, -1000000) as after_bin,
        case when lead(last_bin) over in_order is null then 1000000 else last_bin end as last_bin
    from tenths
    window in_order as (partition by month, feature order by tenth)
),

compared as (
    select
        classes.month,
        classes.feature,
        classes.tenth,
        max(reached.payments_sampled) as payments_sampled,
        greatest(classes.share_before, 1e-4) as before_share,
        greatest(coalesce(1e0 * sum(reached.payments) / max(reached.payments_sampled), 0), 1e-4) as now_share
    from classes
    left join reached
        on
            classes.month = reached.month
            and classes.feature = reached.feature
            and classes.after_bin < reached.bin
            and classes.last_bin >= reached.bin
    group by classes.month, classes.feature, classes.tenth, classes.share_before
),

indexed as (
    select
        month,
        feature,
        cast(max(payments_sampled) as bigint) as payments_sampled,
        cast(sum((now_share - before_share) * ln(now_share / before_share)) as double) as stability_index
    from compared
    group by month, feature
),

final as (
    select
        indexed.month,
        indexed.feature,
        words.words,
        indexed.payments_sampled,
        {{ months_after('indexed.month', '1') }} - 1 <= months.last_dt as is_whole_month,
        indexed.stability_index,
        case
            when indexed.stability_index >= 0.25e0 then 'LARGE'
            when indexed.stability_index >= 0.1e0 then 'MODERATE'
            else 'SMALL'
        end as drift
    from indexed
    inner join months on indexed.month = months.month
    inner join words on indexed.feature = words.feature
    where indexed.payments_sampled is not null
)

select * from final
