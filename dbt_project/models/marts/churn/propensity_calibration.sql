with deciles as (
    select * from {{ ref('int_propensity_decile') }}
),

rates as (
    select
        *,
        1e0 * departures / lines as rate,
        sum(departures) over (partition by snapshot_on) * 1e0 / sum(lines) over (partition by snapshot_on) as base_rate
    from deciles
),

-- Wilson's interval, which holds for few departures too
bounded as (
    select
        *,
        {{ wilson_middle('rate', 'lines') }} as centre,
        {{ wilson_half_width('rate', 'lines') }} as half_width
    from rates
),

final as (
    select
        cast(snapshot_on as date) as month,
        cast(decile as bigint) as decile,
        is_ordinary,
        lines,
        departures,
        cast(departures_expected as double) as departures_expected,
        100e0 * departures_expected / lines as expected_pct,
        100e0 * rate as departed_pct,
        100e0 * greatest(centre - half_width, 0) as departed_low_pct,
        100e0 * (centre + half_width) as departed_high_pct,
        departures_expected / lines between centre - half_width and centre + half_width as is_calibrated,
        rate / nullif(base_rate, 0) as lift
    from bounded
)

select * from final
