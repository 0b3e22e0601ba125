"""Whether a feed is in time: one meaning against the clock, for status, report, messages, graph and schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from orchestration.contracts import Feed
from orchestration.ingest.receipt import Receipt


class Punctuality(StrEnum):
    """How a feed stands against the clock, by its contract."""

    ABSENT = "the site has none"
    NEVER_ARRIVED = "never arrived"
    HISTORY = "history"
    IN_TIME = "in time"
    OVERDUE = "overdue"
    LATE = "late"


@dataclass(frozen=True)
class Clock:
    """A moment, and whether deliveries are `followed`: whether anybody expects one of the day before.

    An installation over a history that ended long ago waits for nothing. It begins to wait for every feed with the
    first delivery that it takes in before that one would have been late, and never stops again.
    """

    now: datetime
    zone: ZoneInfo
    is_followed: bool

    @classmethod
    def of(cls, now: datetime, time_zone: str, feeds: Mapping[str, Feed], receipts: Iterable[Receipt]) -> Clock:
        """The clock of an installation that has these receipts, all revisions of them."""
        zone = ZoneInfo(time_zone)
        is_followed = any(
            receipt.ingested_at < late_at(feeds[receipt.feed], receipt.dt, zone)
            for receipt in receipts
            if receipt.feed in feeds
        )
        return cls(now, zone, is_followed)

    def punctuality(self, feed: Feed, newest: date | None) -> Punctuality:
        """How a feed stands whose newest delivery is for this day."""
        if newest is None:
            return Punctuality.ABSENT if feed.is_absent else Punctuality.NEVER_ARRIVED
        if not self.is_followed:
            return Punctuality.HISTORY
        awaited = next_day(feed, newest)
        if self.now >= late_at(feed, awaited, self.zone):
            return Punctuality.LATE
        return Punctuality.OVERDUE if self.now >= due_at(feed, awaited, self.zone) else Punctuality.IN_TIME

    def last_due(self, feed: Feed) -> date:
        """The last day whose delivery is due by now."""
        local = self.now.astimezone(self.zone)
        return (local - timedelta(hours=feed.due_hours)).date() - timedelta(days=1)


def next_day(feed: Feed, newest: date) -> date:
    """The day of the delivery that follows."""
    return newest + timedelta(days=feed.frequency_days)


def due_at(feed: Feed, day: date, zone: ZoneInfo) -> datetime:
    """Until when a feed's delivery for a day is waited for."""
    return datetime.combine(day + timedelta(days=1), time(), zone) + timedelta(hours=feed.due_hours)


def late_at(feed: Feed, day: date, zone: ZoneInfo) -> datetime:
    """From when on a delivery for a day that is not there is late."""
    return due_at(feed, day, zone) + timedelta(days=feed.lateness_days)
