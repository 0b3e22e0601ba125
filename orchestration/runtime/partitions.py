"""Extract dates as Dagster's partitions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from orchestration.base.settings import Settings


def daily_partitions(settings: Settings, first: date, last: date | None = None) -> dg.DailyPartitionsDefinition:
    """One partition per extract date from the `first` to the `last`, or to yesterday in the site's time zone."""
    return dg.DailyPartitionsDefinition(
        start_date=first.isoformat(),
        end_date=(last + timedelta(days=1)).isoformat() if last else None,
        timezone=settings.time_zone,
    )


def extract_dates(context: dg.AssetExecutionContext) -> list[date]:
    """The extract dates that a run was asked for."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def days_between(first: date, last: date) -> Iterable[date]:
    """Days from the first to the last, both included."""
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))
