"""Whether there is anything to do: for the command and for what asks for runs by itself alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.arrivals import deliveries, is_waiting, newest_receipts
from orchestration.ingest.sources import has_news
from orchestration.serving.generations import current_publication, publications
from orchestration.serving.publish import inputs_fingerprint


def is_up_to_date(settings: Settings, feeds: Mapping[str, Feed], days: Iterable[date]) -> bool:
    """Nothing in landing, or at a source, for these days that is not ingested, and nothing ingested or changed that is
    not published."""
    receipts, wanted = newest_receipts(settings), list(days)
    arrived = deliveries(settings, feeds, wanted)
    return (
        is_published(settings, feeds)
        and not any(is_waiting(delivery, receipts, feeds[delivery.feed]) for delivery in arrived)
        and not has_news(settings, feeds, wanted)
    )


def is_published(settings: Settings, feeds: Mapping[str, Feed]) -> bool:
    """What is ingested, and everything else that a publication rests on, is what the current one rests on."""
    published = current_publication(settings)
    return published is not None and published.inputs == inputs_fingerprint(settings, feeds)


def is_latest_published(settings: Settings, feeds: Mapping[str, Feed]) -> bool:
    """The same of the newest publication, though readers may have been pointed back at an earlier one by hand."""
    kept = publications(settings)
    return bool(kept) and kept[-1].inputs == inputs_fingerprint(settings, feeds)
