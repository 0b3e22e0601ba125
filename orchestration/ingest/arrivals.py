"""What lies in landing, and what of it is not ingested as it lies there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from orchestration.contracts import Feed
from orchestration.ingest.delivery import Delivery, find_delivery
from orchestration.ingest.ingest import is_same
from orchestration.ingest.receipt import Receipt, newest, read_receipts
from orchestration.settings import Settings


def deliveries(settings: Settings, feeds: Iterable[str], days: Iterable[date] | None = None) -> Iterator[Delivery]:
    """Deliveries of these feeds that have arrived, by feed and day: for these days, or all."""
    wanted = None if days is None else list(days)
    for feed in feeds:
        for day in _days(settings.landing_dir / feed) if wanted is None else wanted:
            delivery = find_delivery(settings.landing_dir, feed, day)
            if delivery:
                yield delivery


def newest_receipts(settings: Settings) -> dict[tuple[str, date], Receipt]:
    """The newest receipt of each delivery."""
    return {(receipt.feed, receipt.dt): receipt for receipt in newest(read_receipts(settings.raw_dir))}


def is_waiting(delivery: Delivery, receipts: Mapping[tuple[str, date], Receipt], feed: Feed) -> bool:
    """Whether a delivery would be ingested now: it is new, or its content differs from what was taken."""
    receipt = receipts.get((delivery.feed, delivery.dt))
    return receipt is None or not is_same(receipt, delivery, feed)


def _days(folder: Path) -> Iterator[date]:
    for path in sorted(folder.glob("dt=*")):
        try:
            yield date.fromisoformat(path.name.removeprefix("dt="))
        except ValueError:  # no day: not a delivery's folder
            continue
