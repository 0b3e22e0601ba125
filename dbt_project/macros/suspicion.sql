{#-
Kinds of subject, beside a number, that can be suspected and blocked. A kind is two models of one shape,
`int_suspicion_<kind>`, evidence with the morning by which it was known, and `int_contact_<kind>`, who had to do with
it; and its rows in `suspicion_reasons`.
-#}
{% macro subject_kinds() -%}
    {{ return(['cell', 'merchant', 'dealer']) }}
{%- endmacro %}

{#- Query: the rows of one model per kind, together. -#}
{% macro of_every_kind(prefix, kinds=none) -%}
    {%- for kind in kinds or subject_kinds() %}
    select * from {{ ref(prefix ~ '_' ~ kind) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#-
CTEs of `int_suspicion_<kind>` (`reasons`, `desks`, `fraud_days`, `crowded_days`, `bad_days`, and the last one `final`):
the days on which so many frauds at one place were known that it is more than an accident. Reads `frauds`
(`subject_key`, `known_from`, `known_to`: deliveries) and `doings` (`subject_key`, `dt`, `doings`: what it did on a day,
fraud or not). How many are too many says `suspicion_reasons`.
-#}
{% macro turned_bad(kind, reason) -%}
reasons as (
    select * from {{ ref('suspicion_reasons') }}
    where
        reason = '{{ reason }}'
        and is_enabled
),

desks as (
    select * from {{ ref('int_desk_day') }}
),

fraud_days as (
    select
        frauds.subject_key,
        calendar.date_day,
        reasons.days,
        reasons.min_confirmed,
        reasons.min_confirmed_pct,
        count(*) as confirmed
    from frauds
    cross join reasons
    cross join desks
    cross join
        {{ days_from_to(
            'frauds.known_from',
            "least(coalesce(frauds.known_to, date '9999-12-31'), frauds.known_from + reasons.days, desks.last_on + 1)"
            ~ ' - 1',
            'calendar',
        ) }}
    group by frauds.subject_key, calendar.date_day, reasons.days, reasons.min_confirmed, reasons.min_confirmed_pct
),

crowded_days as (
    select * from fraud_days
    where confirmed >= min_confirmed
),

bad_days as (
    select
        crowded_days.subject_key,
        crowded_days.date_day
    from crowded_days
    inner join doings
        on
            crowded_days.subject_key = doings.subject_key
            and doings.dt <= crowded_days.date_day
            and {{ days_between('doings.dt', 'crowded_days.date_day') }} < crowded_days.days
    group by crowded_days.subject_key, crowded_days.date_day, crowded_days.confirmed, crowded_days.min_confirmed_pct
    having 100e0 * crowded_days.confirmed >= crowded_days.min_confirmed_pct * sum(doings.doings)
),

final as (
    select
        {{ case_of_subject(kind, 'subject_key') }} as case_id,
        '{{ kind }}' as subject_kind,
        subject_key,
        cast(null as {{ key_type() }}) as number_key,
        '{{ reason }}' as reason,
        date_day + 1 as known_on,
        cast(null as date) as cleared_on
    from bad_days
)
{%- endmacro %}

{#- The day of the block list in force at an instant: a morning's list is acted on from noon to the next noon. -#}
{% macro list_day(instant) -%}
    {{ local_date(instant ~ ' - interval 12 hour') }}
{%- endmacro %}
