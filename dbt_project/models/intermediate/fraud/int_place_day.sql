{#- A number counts once in a window: by its first day in it, before which it was away for longer than the window. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='dt',
) }}

{%- set longest = feature_windows() | max %}
{%- set visits = ref('int_place_visit') %}

with frauds as (
    {% for kind, (place, dt) in places_of_payments().items() %}
        select
            '{{ kind }}' as kind,
            payments.{{ place }} as place,
            -- of a cell that was told after its fraud was known, from then
            greatest(known.known_from, payments.{{ dt }}) as known_from,
            coalesce(known.known_to, date '9999-12-31') as known_to
        from {{ ref('int_fraud_known') }} as known
        inner join {{ ref('int_payment_latest') }} as payments on known.payment_id = payments.payment_id
        where payments.{{ place }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

judged as (
    select distinct
        kind,
        place,
        dt
    from {{ visits }}
    where {{ is_touched_day('dt', ref('int_place_day__touched')) }}
),

-- of each judged day, the days that end with it
windows as (
    select
        days.dt as judged_dt,
        days.dt - cast(ago.number as integer) as dt,
        cast(ago.number as integer) as days_ago
    from (select distinct judged.dt from judged) as days
    cross join {{ integers_from_to('0', longest - 1, 'ago') }}
),

-- each visit is looked at from every day of the longest window
paid as (
    {% for part in parts_of(visits, 'visits.place', bytes_per_row=200 * longest) %}
        select
            judged.kind,
            judged.place,
            judged.dt,
        {%- for days in feature_windows() %}
            sum(visits.payments) filter (where windows.days_ago < {{ days }}) as payments_{{ days }}d,
            sum(visits.amount) filter (where windows.days_ago < {{ days }}) as amount_{{ days }}d,
            sum(visits.numbers) filter (
                where windows.days_ago < {{ days }} and windows.days_ago + visits.days_away >= {{ days }}
            ) as numbers_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
        from {{ visits }} as visits
        inner join windows on visits.dt = windows.dt
        inner join judged
            on
                visits.kind = judged.kind
                and visits.place = judged.place
                and windows.judged_dt = judged.dt
        -- the part of both sides: that a place is equal does not tell an engine that its hash is
        where
            {{ part }}
            and {{ part | replace('visits', 'judged') }}
        group by judged.kind, judged.place, judged.dt
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

defrauded as (
    select
        frauds.kind,
        frauds.place,
        windows.judged_dt as dt,
    {%- for days in feature_windows() %}
        count(*) filter (where windows.days_ago < {{ days }}) as frauds_{{ days }}d{{ ',' if not loop.last }}
    {%- endfor %}
    from frauds
    inner join windows
        on
            frauds.known_from = windows.dt
            and frauds.known_to > windows.judged_dt
    group by frauds.kind, frauds.place, windows.judged_dt
),

final as (
    select
        paid.kind,
        paid.place,
        paid.dt,
    {%- for days in feature_windows() %}
        cast(paid.payments_{{ days }}d as bigint) as payments_{{ days }}d,
        cast(paid.amount_{{ days }}d as bigint) as amount_{{ days }}d,
        cast(paid.numbers_{{ days }}d as bigint) as numbers_{{ days }}d,
        coalesce(defrauded.frauds_{{ days }}d, 0) as frauds_{{ days }}d{{ ',' if not loop.last }}
    {%- endfor %}
    from paid
    left join defrauded
        on
            paid.kind = defrauded.kind
            and paid.place = defrauded.place
            and paid.dt = defrauded.dt
)

select * from final
