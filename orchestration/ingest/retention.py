"""Removing what is kept no longer: raw and quarantine by extract date, landing by how long it has been ingested.

What ends with a day's raw: rebuilding its figures, asking what was known of it, and re-examining its payments. Figures
that stand in incremental marts stay until these are rebuilt whole, which an upgrade may do.

A day is renamed before it is removed: of one that a kill left half, the rest would be ingested for another delivery.
From landing goes what was taken: a day with more in its folder than that stays as it is.
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
from orchestration.ingest.delivery import MANIFEST, Delivery, day_of, delivery_in
from orchestration.ingest.names import may_be_missed

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
            (delivery.feed, delivery.dt): delivery
            for delivery in deliveries(settings, feeds)
            if not is_waiting(delivery, receipts, feeds[delivery.feed])
            and (receipt := receipts[delivery.feed, delivery.dt]).status == "ACCEPTED"
            and receipt.ingested_at < before
        }
        gone += _remove(
            settings.landing_dir,
            lambda feed, dt: (feed, dt) in done,
            lambda folder, feed, dt: _has_nothing_else(folder, done[feed, dt], feeds[feed]),
        )
    return gone


def half_removed(settings: Settings) -> list[Path]:
    """Days that somebody was killed over while they were removed."""
    rooms = (settings.landing_dir, settings.quarantine_dir, settings.raw_dir)
    return [folder for room in rooms for folder in sorted(room.glob(f"*/{_REMOVED}*"))]


def _has_nothing_else(folder: Path, taken: Delivery, feed: Feed) -> bool:
    """Whether a folder holds a delivery as it was taken, and nothing that somebody may look for."""
    found = delivery_in(folder, feed, taken.dt)
    if found is None or found.fingerprint != taken.fingerprint:
        return False
    known = {MANIFEST, *(path.name for path in taken.files)}
    return not any(path.name not in known and may_be_missed(path.name) for path in folder.iterdir())


def _remove(
    room: Path,
    is_expired: Callable[[str, date], bool],
    may_go: Callable[[Path, str, date], bool] = lambda folder, feed, dt: True,
) -> list[Removed]:
    """Remove the days of a room that have expired and whose folders may go, once they are out of everybody's reach."""
    gone = []
    for folder in sorted(room.glob("*/dt=*")):
        feed, dt = folder.parent.name, day_of(folder)
        if dt is None or not is_expired(feed, dt) or not may_go(folder, feed, dt):
            continue
        out_of_reach = folder.rename(folder.with_name(f"{_REMOVED}{folder.name}"))
        if not may_go(out_of_reach, feed, dt):  # somebody has laid something in at this moment
            out_of_reach.rename(folder)
            continue
        size = sum(path.stat().st_size for path in out_of_reach.rglob("*") if path.is_file())
        shutil.rmtree(out_of_reach)
        gone.append(Removed(room.name, feed, dt, size))
    return gone
