{#- What engines spell differently about days. The session's time zone is the site's (profiles.yml). -#}

{#- The calendar day of an instant, in the site's time zone. -#}
{% macro local_date(instant) -%}
    {{ return(adapter.dispatch('local_date', 'ringfence')(instant)) }}
{%- endmacro %}

{% macro duckdb__local_date(instant) -%}
    cast({{ instant }} as date)
{%- endmacro %}


{#- Days from one date to another. -#}
{% macro days_between(from_date, to_date) -%}
    {{ return(adapter.dispatch('days_between', 'ringfence')(from_date, to_date)) }}
{%- endmacro %}

{% macro duckdb__days_between(from_date, to_date) -%}
    date_diff('day', {{ from_date }}, {{ to_date }})
{%- endmacro %}


{#- Full months from one date to another: 31 January to 28 February is none. -#}
{% macro full_months_between(from_date, to_date) -%}
    {{ return(adapter.dispatch('full_months_between', 'ringfence')(from_date, to_date)) }}
{%- endmacro %}

{% macro duckdb__full_months_between(from_date, to_date) -%}
    {#- date_sub would call 31 July to 30 April nine months, since both end their month -#}
    (
        12 * (year({{ to_date }}) - year({{ from_date }})) + month({{ to_date }}) - month({{ from_date }})
        - cast(day({{ to_date }}) < day({{ from_date }}) as bigint)
    )
{%- endmacro %}


{#- The date so many months after another; the last day of a month that is too short. -#}
{% macro months_after(date_day, months) -%}
    {{ return(adapter.dispatch('months_after', 'ringfence')(date_day, months)) }}
{%- endmacro %}

{% macro duckdb__months_after(date_day, months) -%}
    cast({{ date_day }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}


{#- Lateral source of one column `date_day`: every day from one date to another, both included. -#}
{% macro days_from_to(from_date, to_date, alias) -%}
    {{ return(adapter.dispatch('days_from_to', 'ringfence')(from_date, to_date, alias)) }}
{%- endmacro %}

{% macro duckdb__days_from_to(from_date, to_date, alias) -%}
    lateral (
        select cast(unnest(generate_series({{ from_date }}, {{ to_date }}, interval 1 day)) as date) as date_day
    ) as {{ alias }}
{%- endmacro %}


{#- English name of the weekday in capitals: numbers of weekdays differ between engines, names do not. -#}
{% macro weekday_name(date_day) -%}
    {{ return(adapter.dispatch('weekday_name', 'ringfence')(date_day)) }}
{%- endmacro %}

{% macro duckdb__weekday_name(date_day) -%}
    upper(dayname({{ date_day }}))
{%- endmacro %}


{#- Lateral source of one column `number`: every integer from one to another, both included. -#}
{% macro integers_from_to(from_number, to_number, alias) -%}
    {{ return(adapter.dispatch('integers_from_to', 'ringfence')(from_number, to_number, alias)) }}
{%- endmacro %}

{% macro duckdb__integers_from_to(from_number, to_number, alias) -%}
    lateral (
        select unnest(generate_series({{ from_number }}, {{ to_number }})) as number
    ) as {{ alias }}
{%- endmacro %}


{#- The first instant of a date, in the site's time zone. -#}
{% macro start_of_day(date_day) -%}
    {{ return(adapter.dispatch('start_of_day', 'ringfence')(date_day)) }}
{%- endmacro %}

{% macro duckdb__start_of_day(date_day) -%}
    cast({{ date_day }} as timestamp with time zone)
{%- endmacro %}


{#-
The beginning of an instant's hour on the site's clock. Where the clocks go back, `date_trunc` of DuckDB takes both
hours for the later one; this tells them apart, in a fifteenth of the time.
-#}
{% macro start_of_hour(instant) -%}
    {{ return(adapter.dispatch('start_of_hour', 'ringfence')(instant)) }}
{%- endmacro %}

{% macro duckdb__start_of_hour(instant) -%}
    time_bucket(interval 1 hour, {{ instant }}, timestamp with time zone '2000-01-01')
{%- endmacro %}


{#- Hours from one instant to another. -#}
{% macro hours_between(from_instant, to_instant) -%}
    {{ seconds_between(from_instant, to_instant) }} / 3600e0
{%- endmacro %}


{#- Seconds from one instant to another, rounded down. (Intervals between instants cost ten times as much.) -#}
{% macro seconds_between(from_instant, to_instant) -%}
    {{ return(adapter.dispatch('seconds_between', 'ringfence')(from_instant, to_instant)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(from_instant, to_instant) -%}
    ((epoch_us({{ to_instant }}) - epoch_us({{ from_instant }})) // 1000000)
{%- endmacro %}


{#- Whole seconds of an instant since 1970, rounded down. -#}
{% macro epoch_seconds(instant) -%}
    {{ return(adapter.dispatch('epoch_seconds', 'ringfence')(instant)) }}
{%- endmacro %}

{% macro duckdb__epoch_seconds(instant) -%}
    (epoch_us({{ instant }}) // 1000000)
{%- endmacro %}


{#- When something counts from: when it happened, but neither before nor after the day whose delivery first told it. -#}
{% macro known_at(instant, first_dt) -%}
    least(
        greatest({{ instant }}, {{ start_of_day(first_dt) }}),
        {{ start_of_day(first_dt ~ ' + 1') }} - interval 1 second
    )
{%- endmacro %}
