"""What kind of day a delivery is for: from the warehouse's reference tables, the site's rows laid over them."""

from __future__ import annotations

import duckdb

from orchestration.base.macros import call_macro
from orchestration.base.settings import Settings
from orchestration.site.reference import lay_over

RELATION = "calendar_day"


def create_calendar(con: duckdb.DuckDBPyConnection, settings: Settings, days: str) -> str:
    """Create the temporary relation `calendar_day` for the days that the query `days` selects as `dt`; return its name.

    Grain: one row per `dt`. `has_incident`: some provider's incident is in force, so figures may be extreme.
    """
    lay_over(con, settings, "calendar")
    lay_over(con, settings, "incidents")
    con.execute(
        f"""
        create or replace temp table {RELATION} as
        with days as (
            select distinct dt as date_day from ({days})
        ),
        dated as (
            select day, name, is_processing_day::boolean as is_processing_day, is_holiday::boolean as is_holiday,
                try_cast(day as date) as date_day
            from reference_calendar
        ),
        ruled as (
            {call_macro("kind_of_day", "days", "dated")}
        )
        select date_day as dt, is_processing_day, is_holiday,
            exists (
                select 1 from reference_incidents
                where date_day between starts_on::date and coalesce(ends_on::date, date_day)
            ) as has_incident,
        from ruled
        """
    )
    return RELATION
