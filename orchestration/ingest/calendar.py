"""What kind of day a delivery is for: from the warehouse's reference tables, the site's rows laid over them."""

from __future__ import annotations

import duckdb

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
        select dt,
            coalesce(own.is_processing_day::boolean, weekly.is_processing_day::boolean, true) as is_processing_day,
            coalesce(own.is_holiday::boolean, weekly.is_holiday::boolean, false) as is_holiday,
            exists (
                select 1 from reference_incidents
                where dt between starts_on::date and coalesce(ends_on::date, dt)
            ) as has_incident,
        from (select distinct dt from ({days})) as wanted
        left join reference_calendar as own on own.day = wanted.dt::varchar
        left join reference_calendar as weekly on upper(weekly.day) = upper(dayname(wanted.dt))
        """
    )
    return RELATION
