"""What has arrived, what is missing, what a gate holds back, and what is published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from pydantic import BaseModel, field_serializer

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.gates import verdicts
from orchestration.gates.outcome import Outcome
from orchestration.ingest.arrivals import unread
from orchestration.ingest.receipt import Receipt, newest, read_receipts
from orchestration.serving.generations import Publication, current_publication

#: What is said of a failed expectation: no row, and nothing that finds one.
_TOLD = ("expectation_id", "partition", "observed", "expected", "why")


class FeedStatus(BaseModel):
    """One feed: `missing` are days without a delivery between its first and the newest day of any feed."""

    feed: str
    first_dt: date | None
    newest_dt: date | None
    deliveries: int
    missing: list[date]
    refused: dict[date, str]
    is_late: bool

    @property
    def has_arrived(self) -> bool:
        return self.newest_dt is not None


class GateStatus(BaseModel):
    """One closed gate, and why; as JSON it says of a failure what everybody may read."""

    stage: str
    relation: str
    reason: str
    closing: list[Outcome]

    @field_serializer("closing")
    def _told(self, closing: list[Outcome]) -> list[dict[str, str | None]]:
        return [{name: getattr(failure, name) for name in _TOLD} for failure in closing]


class AcceptedStatus(BaseModel):
    """One failure that would close a gate, had nobody accepted it."""

    failure: str
    accepted_by: str
    reason: str


class PublicationStatus(BaseModel):
    """What readers see."""

    generation: str
    published_at: str
    data_through: date | None
    held_back: dict[str, list[str]]


class Status(BaseModel):
    """The state of an installation; `ringfence status --json` prints it. `unread` is what nobody reads in landing."""

    feeds: list[FeedStatus]
    unread: list[str]
    closed_gates: list[GateStatus]
    accepted_failures: list[AcceptedStatus]
    publication: PublicationStatus | None


def read_status(settings: Settings, feeds: Mapping[str, Feed], as_of: date | None = None) -> Status:
    """Read the status from landing, receipts, verdicts and the publication; opens no database.

    Lateness is measured against the newest day of any feed, or against `as_of`.
    """
    receipts = newest(read_receipts(settings.raw_dir))
    overall = as_of or max((receipt.dt for receipt in receipts), default=None)
    published = current_publication(settings)
    judged = verdicts.latest(settings)
    return Status(
        feeds=[
            _feed_status(feed, [receipt for receipt in receipts if receipt.feed == feed.name], overall)
            for feed in feeds.values()
        ],
        unread=list(unread(settings, feeds, receipts)),
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
        accepted_failures=[
            AcceptedStatus(
                failure=failure.name, accepted_by=str(failure.accepted_by), reason=str(failure.accepted_reason)
            )
            for verdict in judged
            for failure in verdict.accepted
        ],
        publication=_publication_status(published) if published else None,
    )


def _publication_status(published: Publication) -> PublicationStatus:
    return PublicationStatus(
        generation=published.generation,
        published_at=published.published_at.isoformat(timespec="seconds"),
        data_through=max((entry.data_through for entry in published.relations if entry.data_through), default=None),
        held_back=published.held_back,
    )


def _feed_status(feed: Feed, receipts: list[Receipt], overall: date | None) -> FeedStatus:
    days = sorted(receipt.dt for receipt in receipts)
    late_after = timedelta(days=feed.frequency_days - 1 + feed.lateness_days)
    return FeedStatus(
        feed=feed.name,
        first_dt=days[0] if days else None,
        newest_dt=days[-1] if days else None,
        deliveries=len(days),
        missing=_missing(days, overall) if feed.frequency_days == 1 else [],
        refused={receipt.dt: receipt.refusal or "" for receipt in receipts if receipt.status == "REFUSED"},
        is_late=bool(days and overall and days[-1] + late_after < overall),
    )


def _missing(days: list[date], overall: date | None) -> list[date]:
    if not days or overall is None:
        return []
    present = set(days)
    span = range((overall - days[0]).days + 1)
    return [day for offset in span if (day := days[0] + timedelta(days=offset)) not in present]
