with deciles as (
    select * from {{ ref('int_propensity_decile') }}
),

calibration as (
    select * from {{ ref('propensity_calibration') }}
),

-- Mann and Whitney: the chance that one who left was ranked above one who stayed
months as (
    select
        cast(snapshot_on as date) as month,
        is_ordinary,
        cast(sum(lines) as bigint) as lines,
        cast(sum(departures) as bigint) as departures,
        cast(sum(departures_expected) as double) as departures_expected,
        sum(place_sum) as place_sum,
        sum(place_by_months_left_sum) as place_by_months_left_sum,
        cast(sum(departures) as double) * sum(lines - departures) as pairs,
        sum(departures) * (sum(departures) + 1) / 2e0 as least_place_sum
    from deciles
    group by snapshot_on, is_ordinary
),

judged as (
    select
        month,
        max(lift) filter (where decile = 1) as top_decile_lift,
        count(*) filter (where is_calibrated) as deciles_calibrated,
        count(*) filter (where is_in_proportion) as deciles_in_proportion
    from calibration
    group by month
),

final as (
    select
        months.month,
        months.is_ordinary,
        months.lines,
        months.departures,
        months.departures_expected,
        100e0 * months.departures / months.lines as base_rate_pct,
        (months.place_sum - months.least_place_sum) / nullif(months.pairs, 0) as auc,
        (months.place_by_months_left_sum - months.least_place_sum) / nullif(months.pairs, 0) as auc_by_months_left,
        judged.top_decile_lift,
        judged.deciles_calibrated,
        judged.deciles_in_proportion
    from months
    inner join judged on months.month = judged.month
)

select * from final
