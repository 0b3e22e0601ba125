with deciles as (
    select * from {{ ref('int_propensity_decile') }}
),

errors as (
    select * from {{ ref('int_propensity_error') }}
),

rates as (
    select
        *,
        1e0 * departures / lines as rate,
        sum(departures) over (partition by snapshot_on) as departures_of_month,
        sum(departures) over (partition by snapshot_on) * 1e0 / sum(lines) over (partition by snapshot_on) as base_rate,
        cast(departures_expected as double) as expected,
        cast(departures_expected as double)
        / sum(cast(departures_expected as double)) over (partition by snapshot_on) as part
    from deciles
),

-- Three things part what comes from what was foretold: chance; that a tenth's part of the departures was learnt from
-- few; and the level of the month, which is the latest one's, itself counted, and moves from month to month.
bounded as (
    select
        rates.*,
        {{ wilson_middle('rates.rate', 'rates.lines') }} as centre,
        {{ wilson_half_width('rates.rate', 'rates.lines') }} as half_width,
        {{ interval_z() }} * sqrt(
            rates.expected
            + rates.expected * rates.expected * (
                (1e0 - rates.part) / rates.part / errors.departures_learnt
                + 1e0 / errors.departures_of_level
                + errors.level_spread * errors.level_spread
            )
        ) as margin,
        {{ interval_z() }} * sqrt(
            rates.departures_of_month * rates.part * (1e0 - rates.part)
            * (1e0 + 1e0 * rates.departures_of_month / errors.departures_learnt)
        ) as margin_of_part
    from rates
    inner join errors on rates.snapshot_on = errors.snapshot_on
),

final as (
    select
        cast(snapshot_on as date) as month,
        cast(decile as bigint) as decile,
        is_ordinary,
        lines,
        departures,
        expected as departures_expected,
        100e0 * expected / lines as expected_pct,
        100e0 * greatest(expected - margin, 0) / lines as expected_low_pct,
        100e0 * (expected + margin) / lines as expected_high_pct,
        100e0 * rate as departed_pct,
        100e0 * greatest(centre - half_width, 0) as departed_low_pct,
        100e0 * (centre + half_width) as departed_high_pct,
        departures between expected - margin and expected + margin as is_calibrated,
        abs(departures - departures_of_month * part) <= margin_of_part as is_in_proportion,
        rate / nullif(base_rate, 0) as lift
    from bounded
)

select * from final
