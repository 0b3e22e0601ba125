{#-
What kind of day each day is: as the calendar's row of its date says, or else that of its weekday, or else a plain
processing day. `days` has `date_day`; `calendar` is the reference table with `date_day` beside `day`, null in a
weekday's row. For core.dim_date, and for the gates of raw, which judge a delivery before the warehouse is built.
-#}
{% macro kind_of_day(days, calendar) -%}
    select
        days.date_day,
        {{ weekday_name('days.date_day') }} as weekday,
        coalesce(own.is_processing_day, weekly.is_processing_day, true) as is_processing_day,
        coalesce(own.is_holiday, weekly.is_holiday, false) as is_holiday,
        own.name as holiday
    from {{ days }} as days
    left join {{ calendar }} as own on days.date_day = own.date_day
    left join {{ calendar }} as weekly
        on
            weekly.date_day is null
            and {{ weekday_name('days.date_day') }} = upper(weekly.day)
{%- endmacro %}
