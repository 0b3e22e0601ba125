"""Extract dates as Dagster's partitions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from orchestration.base.settings import Settings


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """One partition per extract date; the last one is yesterday's, in the site's time zone."""
    return dg.DailyPartitionsDefinition(start_date=settings.first_day.isoformat(), timezone=settings.time_zone)


def extract_dates(context: dg.AssetExecutionContext) -> list[date]:
    """The extract dates that a run was asked for."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def days_between(first: date, last: date) -> Iterable[date]:
    """Days from the first to the last, both included."""
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))
