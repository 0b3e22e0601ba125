"""Since when a delivery is known: what its source or its files say, if that can be, else the first sight of it.

A file system's times are whatever the last copy made of them, and a manifest is only as good as its writer's clock. So
no row is known before the end of its own extract date, none in the future, and none before a publication that went
past its day without it: what was published then stays what was known then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings
from orchestration.ingest.delivery import Delivery
from orchestration.ingest.faults import RefusedError

#: As far ahead of ours another machine's clock may be.
CLOCK_SKEW = timedelta(minutes=10)
#: Below `serving`: by day, when a publication went past it.
PASSED = "passed.json"
_BACKFILL_HOUR = time(6)


@dataclass(frozen=True)
class KnownSince:
    """The moment; and, if another was claimed, that one, and whether it cannot be true at all."""

    at: datetime
    claimed: datetime | None = None
    is_claim_impossible: bool = False


def known_since(
    delivery: Delivery, *, is_first: bool, lateness_days: int, zone: ZoneInfo, passed_at: datetime | None, now: datetime
) -> KnownSince:
    """When a delivery arrived; `passed_at` is when a publication last went past its day.

    What the manifest says; else the newest file's modification time; but a first delivery without a manifest that is
    older history than its feed's lateness allows is a backfill, and counts as having come at 06:00 on the morning
    after its day.
    """
    ended = datetime.combine(delivery.dt + timedelta(days=1), time(), zone)
    claimed, is_said = _claimed(delivery, zone)
    if claimed is None:
        return KnownSince(max(now, ended))
    if not ended <= claimed <= now + CLOCK_SKEW:
        return KnownSince(max(now, ended), claimed, is_claim_impossible=True)
    arrived = min(claimed, now)
    due = datetime.combine(delivery.dt + timedelta(days=1), _BACKFILL_HOUR, zone)
    is_backfill = not is_said and is_first and arrived > due + timedelta(days=lateness_days)
    if passed_at is None:
        return KnownSince(due if is_backfill else arrived)
    if arrived >= passed_at:
        return KnownSince(arrived)
    return KnownSince(now, claimed)


def _claimed(delivery: Delivery, zone: ZoneInfo) -> tuple[datetime | None, bool]:
    """The moment that a manifest or the newest file names, and whether it is the manifest that does."""
    try:
        if delivery.manifest and delivery.manifest.delivered_at:
            moment = delivery.manifest.delivered_at
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)), True
        newest = delivery.modified_at
        return (datetime.fromtimestamp(newest, zone) if newest is not None else None), False
    except (RefusedError, ValueError, OverflowError, OSError):  # no manifest that can be read, or a time beyond reason
        return None, False


def note_passed(settings: Settings, through: date, at: datetime) -> None:
    """Remember that everything up to a day is about to be published."""
    path = settings.serving_dir / PASSED
    path.parent.mkdir(parents=True, exist_ok=True)
    moments = {day: moment for day, moment in _passed(settings).items() if day > through}
    moments[through] = at
    replace_text(path, json.dumps({str(day): moment.isoformat() for day, moment in sorted(moments.items())}))


def passed_at(settings: Settings, dt: date) -> datetime | None:
    """When a publication last went past a day, or None if none has."""
    return max((moment for day, moment in _passed(settings).items() if day >= dt), default=None)


def _passed(settings: Settings) -> dict[date, datetime]:
    path = settings.serving_dir / PASSED
    if not path.exists():
        return {}
    found = json.loads(path.read_text("utf-8"))
    return {date.fromisoformat(day): datetime.fromisoformat(moment).astimezone(UTC) for day, moment in found.items()}
