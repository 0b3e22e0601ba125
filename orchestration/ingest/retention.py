"""Removing what is kept no longer: raw and quarantine by extract date, landing by how long it has been ingested.

What ends with a day's raw: rebuilding its figures, asking what was known of it, and re-examining its payments. Figures
that stand in incremental marts stay until these are rebuilt whole, which an upgrade may do.

A day is renamed before it is removed: of one that a kill left half, the rest would be ingested for another delivery.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.arrivals import deliveries, is_waiting, newest_receipts
from orchestration.ingest.delivery import day_of

_REMOVED = ".removed-"


@dataclass(frozen=True)
class Removed:
    """One day of a feed that is gone from one room, and how much that was."""

    room: str
    feed: str
    dt: date
    bytes: int


def remove_expired(settings: Settings, feeds: Mapping[str, Feed], now: datetime | None = None) -> list[Removed]:
    """Remove days beyond what the settings keep, and say which went. Without such a setting nothing goes.

    A day is counted back from the feed's newest one, so that a source that has gone silent does not empty its history.
    """
    for folder in half_removed(settings):
        shutil.rmtree(folder)
    gone: list[Removed] = []
    newest: dict[str, date] = {}
    for feed, dt in newest_receipts(settings):
        newest[feed] = max(dt, newest.get(feed, dt))
    if settings.keep_raw_days is not None:
        oldest = {feed: dt - timedelta(days=settings.keep_raw_days) for feed, dt in newest.items()}
        # landing first: what lies there and has no receipt would be ingested again
        for room in (settings.landing_dir, settings.quarantine_dir, settings.raw_dir):
            gone += _remove(room, lambda feed, dt: feed in oldest and dt <= oldest[feed])
    if settings.keep_landing_days is not None:
        before = (now or datetime.now(UTC)) - timedelta(days=settings.keep_landing_days)
        receipts = newest_receipts(settings)
        done = {
            (delivery.feed, delivery.dt)
            for delivery in deliveries(settings, feeds)
            if not is_waiting(delivery, receipts, feeds[delivery.feed])
            and (receipt := receipts[delivery.feed, delivery.dt]).status == "ACCEPTED"
            and receipt.ingested_at < before
        }
        gone += _remove(settings.landing_dir, lambda feed, dt: (feed, dt) in done)
    return gone


def half_removed(settings: Settings) -> list[Path]:
    """Days that somebody was killed over while they were removed."""
    rooms = (settings.landing_dir, settings.quarantine_dir, settings.raw_dir)
    return [folder for room in rooms for folder in sorted(room.glob(f"*/{_REMOVED}*"))]


def _remove(room: Path, is_expired: Callable[[str, date], bool]) -> list[Removed]:
    gone = []
    for folder in sorted(room.glob("*/dt=*")):
        dt = day_of(folder)
        if dt is not None and is_expired(folder.parent.name, dt):
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            shutil.rmtree(folder.rename(folder.with_name(f"{_REMOVED}{folder.name}")))
            gone.append(Removed(room.name, folder.parent.name, dt, size))
    return gone
