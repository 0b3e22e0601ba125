"""What lies in landing, and what of it is not ingested as it lies there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.delivery import MANIFEST, SUFFIXES, Delivery, find_delivery
from orchestration.ingest.ingest import is_same
from orchestration.ingest.receipt import Receipt, newest, read_receipts


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


def unread(settings: Settings, feeds: Collection[str], receipts: Collection[Receipt]) -> Iterator[str]:
    """What lies in landing and nothing that runs by itself will take for a delivery, each with the reason."""
    taken = {(receipt.feed, receipt.dt) for receipt in receipts}
    today = datetime.now(ZoneInfo(settings.time_zone)).date()
    for feed in _entries(settings.landing_dir):
        if feed.name not in feeds:
            yield f"{feed}: there is no feed of that name"
            continue
        days = {f"dt={day}": day for day in _days(feed)}
        for folder in _entries(feed):
            if folder.name not in days or not folder.is_dir():
                yield f"{folder}: a day's folder is called dt=YYYY-MM-DD"
            elif days[folder.name] >= today and (feed.name, days[folder.name]) not in taken:
                yield f"{folder}: that day has not ended"
            else:
                for file in _entries(folder):
                    if file.name != MANIFEST and not file.name.endswith(SUFFIXES):
                        yield f"{file}: an extract's name ends in {', '.join(SUFFIXES)}"


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, hidden files left out; nothing if it is not there."""
    return sorted(path for path in folder.glob("*") if not path.name.startswith("."))


def _days(folder: Path) -> Iterator[date]:
    for path in sorted(folder.glob("dt=*")):
        try:
            yield date.fromisoformat(path.name.removeprefix("dt="))
        except ValueError:  # no day: not a delivery's folder
            continue
