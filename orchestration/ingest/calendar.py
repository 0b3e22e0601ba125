"""What kind of day a delivery is for: from the warehouse's reference tables, the site's rows laid over them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.settings import PROJECT, Settings
from orchestration.sql import identifier, literal

RELATION = "calendar_day"
_SHIPPED = PROJECT / "dbt_project" / "seeds"


def create_calendar(con: duckdb.DuckDBPyConnection, settings: Settings, days: str) -> str:
    """Create the temporary relation `calendar_day` for the days that the query `days` selects as `dt`; return its name.

    Grain: one row per `dt`. `has_incident`: some provider's incident is in force, so figures may be extreme.
    """
    _create_reference(con, settings, "calendar", "day")
    _create_reference(con, settings, "incidents", "incident_id")
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


def _create_reference(con: duckdb.DuckDBPyConnection, settings: Settings, name: str, key: str) -> None:
    """A reference table as the warehouse reads it: a site's row replaces the one with its key, or joins the others."""
    con.execute(f"create or replace temp table reference_{name} as select * from {_read(_SHIPPED / f'{name}.csv')}")
    own = settings.site / "reference" / f"{name}.csv" if settings.site else None
    if own is None or not own.exists():
        return
    con.execute(f"create or replace temp table reference_site as select * from {_read(own)}")
    given = {row[0] for row in con.execute("describe reference_site").fetchall()}
    columns = [row[0] for row in con.execute(f"describe reference_{name}").fetchall()]
    values = ", ".join(
        f"{'site' if column in given else 'preset'}.{identifier(column)} as {identifier(column)}" for column in columns
    )
    con.execute(
        f"""
        create or replace temp table reference_{name} as
        select * from reference_{name} where {key} not in (select {key} from reference_site)
        union all by name
        select {values} from reference_site as site left join reference_{name} as preset using ({key})
        """
    )


def _read(path: Path) -> str:
    return f"read_csv({literal(str(path))}, header = true, all_varchar = true)"
