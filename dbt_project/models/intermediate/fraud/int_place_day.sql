{#- Numbers and frauds of a window are sums of changes, which count each once and need no look at all pairs of days. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
) }}

{%- set latest = ref('int_payment_latest') -%}
{%- set keys = ref('int_place_day__touched') -%}
{%- set places = {'MERCHANT': ['merchant_id', 'first_dt'], 'CELL': ['cell_id', 'cell_dt']} -%}
{%- set longest = feature_windows() | max %}

with judged_days as (
    {%- if is_incremental() %}
        select dt from {{ keys }}
    {%- else %}
        select first_dt as dt from {{ latest }}
        union
        select cell_dt as dt from {{ latest }}
        where cell_dt is not null
    {%- endif %}
),

span as (
    select
        min(dt) as from_dt,
        max(dt) as to_dt
    from judged_days
),

paid as (
    {% for kind, (place, dt) in places.items() %}
        select
            '{{ kind }}' as kind,
            {{ place }} as place,
            {{ dt }} as dt,
            number_key,
            count(*) as payments,
            sum(amount) as amount
        from {{ latest }}
        where
            {{ place }} is not null
            and {{ dt }} > (select span.from_dt - {{ longest }} from span)
            and {{ dt }} <= (select span.to_dt from span)
        group by {{ place }}, {{ dt }}, number_key
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

stays as (
    select
        *,
        coalesce(lead(dt) over (partition by kind, place, number_key order by dt), date '9999-12-31') as next_dt
    from paid
),

frauds as (
    {% for kind, (place, dt) in places.items() %}
        select
            '{{ kind }}' as kind,
            payments.{{ place }} as place,
            -- of a cell that was told after its fraud was known, from then
            greatest(known.known_from, payments.{{ dt }}) as known_from,
            coalesce(known.known_to, date '9999-12-31') as known_to
        from {{ ref('int_fraud_known') }} as known
        inner join {{ latest }} as payments on known.payment_id = payments.payment_id
        where payments.{{ place }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

daily as (
    select
        kind,
        place,
        dt,
        sum(payments) as payments,
        sum(amount) as amount,
        count(*) as numbers
    from stays
    group by kind, place, dt
),

-- a number stays from a day on which it pays until it pays again, or the window has passed
changes as (
    {% for days in feature_windows() %}
        select
            kind,
            place,
            dt,
            {{ days }} as days,
            numbers,
            0 as frauds
        from daily
        union all
        select
            kind,
            place,
            least(dt + {{ days }}, next_dt) as dt,
            {{ days }} as days,
            -count(*) as numbers,
            0 as frauds
        from stays
        group by kind, place, least(dt + {{ days }}, next_dt)
        union all
        select
            kind,
            place,
            known_from as dt,
            {{ days }} as days,
            0 as numbers,
            1 as frauds
        from frauds
        where known_from < known_to
        union all
        select
            kind,
            place,
            least(known_from + {{ days }}, known_to) as dt,
            {{ days }} as days,
            0 as numbers,
            -1 as frauds
        from frauds
        where known_from < known_to
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

changed as (
    select
        kind,
        place,
        dt,
    {%- for days in feature_windows() %}
        sum(numbers) filter (where days = {{ days }}) as numbers_{{ days }}d,
        sum(frauds) filter (where days = {{ days }}) as frauds_{{ days }}d{{ ',' if not loop.last }}
    {%- endfor %}
    from changes
    group by kind, place, dt
),

running as (
    select
        changed.kind,
        changed.place,
        changed.dt,
        {%- for days in feature_windows() %}
            cast(sum(daily.payments) over last_{{ days }}d as bigint) as payments_{{ days }}d,
            cast(sum(daily.amount) over last_{{ days }}d as bigint) as amount_{{ days }}d,
            cast(sum(changed.numbers_{{ days }}d) over so_far as bigint) as numbers_{{ days }}d,
            cast(sum(changed.frauds_{{ days }}d) over so_far as bigint) as frauds_{{ days }}d,
        {%- endfor %}
        daily.payments is not null as is_active
    from changed
    left join daily
        on
            changed.kind = daily.kind
            and changed.place = daily.place
            and changed.dt = daily.dt
    window
        {%- for days in feature_windows() %}
            last_{{ days }}d as (
                partition by changed.kind, changed.place order by changed.dt
                range between interval {{ days - 1 }} day preceding and current row
            ),
        {%- endfor %}
        so_far as (
            partition by changed.kind, changed.place order by changed.dt
            rows between unbounded preceding and current row
        )
),

final as (
    select
        kind,
        place,
        dt,
    {%- for days in feature_windows() %}
        payments_{{ days }}d,
        amount_{{ days }}d,
        numbers_{{ days }}d,
        frauds_{{ days }}d{{ ',' if not loop.last }}
    {%- endfor %}
    from running
    where
        is_active
        and dt in (select judged_days.dt from judged_days)
)

select * from final
