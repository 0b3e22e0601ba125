"""What has arrived, what is missing, what a gate holds back, and what is published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from pydantic import BaseModel, computed_field, field_serializer

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.gates import verdicts
from orchestration.gates.outcome import Outcome
from orchestration.ingest.arrivals import unread
from orchestration.ingest.receipt import Receipt, newest, read_receipts
from orchestration.serving.generations import Publication, current_publication
from orchestration.state.punctuality import Clock, Punctuality

#: What is said of a failed expectation: no row, and nothing that finds one.
_TOLD = ("expectation_id", "partition", "observed", "expected", "why")


class FeedStatus(BaseModel):
    """One feed: `missing` are days since its first one that are due, or that any feed has, without a delivery."""

    feed: str
    first_dt: date | None
    newest_dt: date | None
    deliveries: int
    missing: list[date]
    refused: dict[date, str]
    punctuality: Punctuality

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_late(self) -> bool:
        """Whether its next delivery is late by its contract, against the clock."""
        return self.punctuality is Punctuality.LATE

    @property
    def has_arrived(self) -> bool:
        return self.newest_dt is not None

    @property
    def is_absent(self) -> bool:
        """Whether the site says that it has no such feed, and none has come."""
        return self.punctuality is Punctuality.ABSENT


class GateStatus(BaseModel):
    """One closed gate, and why; as JSON it says of a failure what everybody may read."""

    stage: str
    relation: str
    reason: str
    closing: list[Outcome]

    @field_serializer("closing")
    def _told(self, closing: list[Outcome]) -> list[dict[str, str | None]]:
        return [{name: getattr(failure, name) for name in _TOLD} for failure in closing]


class WarnedStatus(BaseModel):
    """One expectation of a gate that warned, as seen last; `days` counts the partitions in which it failed.

    It lets everything through, and somebody should look.
    """

    expectation: str
    partition: str | None
    days: int
    observed: str
    expected: str
    why: str

    @classmethod
    def of(cls, verdict: verdicts.Verdict) -> Iterator[WarnedStatus]:
        """What warns in a gate, one entry per expectation."""
        for expectation_id, warnings in groupby(verdict.warnings, attrgetter("expectation_id")):
            *earlier, last = sorted(warnings, key=lambda warning: warning.partition or "")
            yield cls(
                expectation=f"{verdict.stage}/{verdict.relation}:{expectation_id}", partition=last.partition,
                days=len(earlier) + 1, observed=last.observed, expected=last.expected, why=last.why,
            )  # fmt: skip

    @property
    def where(self) -> str:
        """` on 2026-01-03 and 4 days before`; empty for a relation that is judged as a whole."""
        before = f" and {self.days - 1} {'days' if self.days > 2 else 'day'} before" if self.days > 1 else ""  # noqa: PLR2004
        return f" on {self.partition}{before}" if self.partition else ""


class AcceptedStatus(BaseModel):
    """One failure that would close a gate, had nobody accepted it."""

    failure: str
    accepted_by: str
    reason: str


class PublicationStatus(BaseModel):
    """What readers see."""

    generation: str
    published_at: str
    engine: str
    data_through: date | None
    held_back: dict[str, list[str]]


class Status(BaseModel):
    """The state of an installation; `ringfence status --json` prints it. `unread` is what nobody reads in landing."""

    feeds: list[FeedStatus]
    unread: list[str]
    closed_gates: list[GateStatus]
    warnings: list[WarnedStatus]
    accepted_failures: list[AcceptedStatus]
    publication: PublicationStatus | None


def read_status(settings: Settings, feeds: Mapping[str, Feed]) -> Status:
    """Read the status from landing, receipts, verdicts and the publication; opens no database."""
    receipts = read_receipts(settings.raw_dir)
    published = current_publication(settings)
    judged = verdicts.latest(settings)
    return Status(
        feeds=_feeds(feeds, receipts, Clock.of(datetime.now(UTC), settings.time_zone, feeds, receipts)),
        unread=list(unread(settings, feeds, newest(receipts))),
        closed_gates=[
            GateStatus(
                stage=verdict.stage,
                relation=verdict.relation,
                reason=verdict.reason,
                closing=verdict.closing,
            )
            for verdict in judged
            if verdict.is_closed
        ],
        warnings=[warned for verdict in judged for warned in WarnedStatus.of(verdict)],
        accepted_failures=[
            AcceptedStatus(
                failure=failure.name, accepted_by=str(failure.accepted_by), reason=str(failure.accepted_reason)
            )
            for verdict in judged
            for failure in verdict.accepted
        ],
        publication=_publication_status(published) if published else None,
    )


def read_feeds(settings: Settings, feeds: Mapping[str, Feed], now: datetime | None = None) -> list[FeedStatus]:
    """How each feed stands."""
    receipts = read_receipts(settings.raw_dir)
    return _feeds(feeds, receipts, Clock.of(now or datetime.now(UTC), settings.time_zone, feeds, receipts))


def read_feeds_as_of(settings: Settings, feeds: Mapping[str, Feed], day: date) -> list[FeedStatus]:
    """How each feed stood at the end of the morning after a day, when its delivery for that day had to be there."""
    zone = ZoneInfo(settings.time_zone)
    evening = datetime.combine(day + timedelta(days=2), time(), zone)
    receipts = [receipt for receipt in read_receipts(settings.raw_dir) if receipt.dt <= day]
    return _feeds(feeds, receipts, Clock(min(evening, datetime.now(UTC)), zone, is_followed=True))


def _feeds(feeds: Mapping[str, Feed], receipts: Sequence[Receipt], clock: Clock) -> list[FeedStatus]:
    current = newest(receipts)
    overall = max((receipt.dt for receipt in current), default=None)
    return [
        _feed_status(feed, [receipt for receipt in current if receipt.feed == feed.name], overall, clock)
        for feed in feeds.values()
    ]


def _publication_status(published: Publication) -> PublicationStatus:
    return PublicationStatus(
        generation=published.generation,
        published_at=published.published_at.isoformat(timespec="seconds"),
        engine=published.engine,
        data_through=max((entry.data_through for entry in published.relations if entry.data_through), default=None),
        held_back=published.held_back,
    )


def _feed_status(feed: Feed, receipts: list[Receipt], overall: date | None, clock: Clock) -> FeedStatus:
    days = sorted(receipt.dt for receipt in receipts)
    return FeedStatus(
        feed=feed.name,
        first_dt=days[0] if days else None,
        newest_dt=days[-1] if days else None,
        deliveries=len(days),
        missing=_missing(feed, days, overall, clock) if feed.frequency_days == 1 else [],
        refused={receipt.dt: receipt.refusal or "" for receipt in receipts if receipt.status == "REFUSED"},
        punctuality=clock.punctuality(feed, days[-1] if days else None),
    )


def _missing(feed: Feed, days: list[date], overall: date | None, clock: Clock) -> list[date]:
    if not days or overall is None:
        return []
    through = max(overall, clock.last_due(feed)) if clock.is_followed else overall
    present = set(days)
    span = range((through - days[0]).days + 1)
    return [day for offset in span if (day := days[0] + timedelta(days=offset)) not in present]
