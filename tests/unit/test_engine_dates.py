"""Days and hours as DuckDB's models take them, where clocks change."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.base.macros import call_macro


@pytest.mark.parametrize(
    ("zone", "moment", "begins"),
    [
        ("Asia/Seoul", "2025-09-05 03:59:59.9+09", "2025-09-05 03:00:00+09"),
        ("Asia/Kolkata", "2025-09-05 03:10:00+05:30", "2025-09-05 03:00:00+05:30"),
        ("America/New_York", "2025-11-02 01:30:00-04", "2025-11-02 01:00:00-04"),
        ("America/New_York", "2025-11-02 01:30:00-05", "2025-11-02 01:00:00-05"),
        ("Europe/Berlin", "2026-03-29 03:15:00+02", "2026-03-29 03:00:00+02"),
    ],
    ids=["on the hour", "half an hour off", "there twice: first", "there twice: second", "after one that is missing"],
)
def test_an_hour_begins_on_the_clock_of_the_site_and_is_told_from_the_next(zone: str, moment: str, begins: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"set timezone = '{zone}'")
        hour = call_macro("start_of_hour", f"timestamptz '{moment}'")
        assert con.execute(f"select {hour} = timestamptz '{begins}'").fetchall() == [(True,)]
