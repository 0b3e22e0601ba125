"""What lies in landing, and what of it is not ingested as it lies there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.site_profile import NumberPlan
from orchestration.contracts import Feed
from orchestration.ingest.delivery import MANIFEST, SOURCE, Delivery, day_of, find_delivery, is_closed_to_us
from orchestration.ingest.ingest import is_same
from orchestration.ingest.names import SUFFIXES, is_data, shown, why_not_data
from orchestration.ingest.receipt import Receipt, newest, read_receipts

_LONG_AGO = date(2024, 8, 1)  # where partitions begin as long as nothing says anything else
_HISTORY_DAYS = 60  # so long without any delivery, nobody is expected to deliver: it is a history that ended


def extract_dates_of(settings: Settings, feeds: Mapping[str, Feed]) -> tuple[date, date | None]:
    """The first extract date and the last one; None as long as deliveries come, and each day brings another.

    The first is that of RINGFENCE_FIRST_DAY, else the first for which anything was delivered.
    """
    today = datetime.now(ZoneInfo(settings.time_zone)).date()
    landed = (day for name in feeds for day in _days(settings.landing_dir / name))
    days = sorted(day for day in {*landed, *(dt for _, dt in newest_receipts(settings))} if day < today)
    if not days or settings.site_profile.landing:  # a source may have other days than have been fetched
        return settings.first_day or _LONG_AGO, None
    return settings.first_day or days[0], days[-1] if days[-1] < today - timedelta(days=_HISTORY_DAYS) else None


def days_to_run(settings: Settings, feeds: Mapping[str, Feed], first: date, last: date) -> tuple[date, date]:
    """Of the days asked for, the first and the last for which anything can have been delivered.

    Raises:
        Refusal: if there is none: the range is empty, before the first extract date, or in the future.
    """
    if last < first:
        raise Refusal(f"The range is empty: it ends on {last}, before it begins on {first}.")
    if first > datetime.now(ZoneInfo(settings.time_zone)).date():  # it would be the newest day, and all others late
        raise Refusal(f"{first} has not begun yet.")
    begins, ends = extract_dates_of(settings, feeds)
    if settings.first_day and first < begins:
        raise Refusal(f"{first} is before the first extract date; RINGFENCE_FIRST_DAY sets it ({begins}).")
    if last < begins or (ends and first > ends):
        raise Refusal(f"Nothing was delivered from {first} to {last}: deliveries are from {begins} to {ends or 'now'}.")
    return max(first, begins), min(last, ends) if ends else last


def deliveries(settings: Settings, feeds: Mapping[str, Feed], days: Iterable[date] | None = None) -> Iterator[Delivery]:
    """Deliveries of these feeds that have arrived, by feed and day: for these days, or all."""
    wanted = None if days is None else list(days)
    for name, feed in feeds.items():
        for day in _days(settings.landing_dir / name) if wanted is None else wanted:
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


def unread(settings: Settings, feeds: Mapping[str, Feed], receipts: Collection[Receipt]) -> Iterator[str]:
    """What lies in landing and nothing that runs by itself will take for a delivery, each with the reason."""
    taken = {(receipt.feed, receipt.dt) for receipt in receipts}
    today, plan = datetime.now(ZoneInfo(settings.time_zone)).date(), settings.site_profile.numbers
    for feed in _entries(settings.landing_dir):
        if feed.name not in feeds:
            yield f"{shown(feed, plan)}: there is no feed of that name"
            continue
        if is_closed_to_us(feed):
            yield f"{feed}: the folder is closed to us"
        days = {f"dt={day}": day for day in _days(feed)}
        for folder in _entries(feed):
            if folder.name not in days or not folder.is_dir():
                yield f"{shown(folder, plan)}: a day's folder is called dt=YYYY-MM-DD"
            elif days[folder.name] >= today and (feed.name, days[folder.name]) not in taken:
                yield f"{folder}: that day has not ended"
            else:
                yield from _left_alone(folder, feeds[feed.name], plan)


def _left_alone(folder: Path, feed: Feed, plan: NumberPlan) -> Iterator[str]:
    """Files of a day's folder that do not belong to its delivery, by name."""
    if is_closed_to_us(folder):
        return
    for file in sorted(folder.iterdir()):
        if file.name in (MANIFEST, SOURCE) or is_data(file.name, feed.suffixes):
            continue
        otherwise = f"an extract's name ends in {', '.join((*SUFFIXES, *feed.suffixes))}"
        yield f"{shown(file, plan)}: {why_not_data(file.name) or otherwise}"


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, hidden files left out; nothing if it is not there."""
    return sorted(path for path in folder.glob("*") if not path.name.startswith("."))


def _days(folder: Path) -> Iterator[date]:
    return (day for path in sorted(folder.glob("dt=*")) if (day := day_of(path)))
