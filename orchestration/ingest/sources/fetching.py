"""Bring what a source has for a day into landing: whole, once, and again only if the source has changed it.

    source ─▶ landing/<feed>/.fetching-<dt>-<identity>/ ─▶ renamed to landing/<feed>/dt=<dt>/

What was fetched stands in `fetched/<feed>/<dt>.json`, so that a day that was removed from landing is not fetched again,
and in the delivery's `.source`, so that what somebody has laid in its place is left alone. A fetch that is killed goes
on where it was, in the middle of a file too. The source's own manifest is kept byte by byte.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.base.files import locked, replace_text, sha256_of, sync
from orchestration.base.settings import Settings, private_dir
from orchestration.contracts import Feed
from orchestration.ingest.delivery import MANIFEST, SOURCE
from orchestration.ingest.faults import storing
from orchestration.ingest.names import is_data
from orchestration.ingest.sources.offers import Offer, Reader, SourceError, reader

_REPLACED = ".replaced-"
_IDENTITY = "source"  # key of the note, and of manifests that earlier versions wrote into


@dataclass(frozen=True)
class Fetched:
    """A day that was brought into landing, and its files."""

    dt: date
    files: list[str]


def fetch(
    settings: Settings, feed: Feed, days: Iterable[date], progress: Callable[[str], None] = lambda said: None
) -> list[Fetched]:
    """Fetch what the feed's source has for these days and landing has not yet; nothing for a feed without a source.

    What somebody laid into landing by hand is left as it is. Safe to kill at any moment, and to run twice at once.

    Raises:
        SourceError: the source cannot be reached or read; the days before that are there.
        StorageError: there is no room in landing; the days before that are there.
    """
    source = settings.site_profile.landing.get(feed.name)
    if source is None:
        return []
    done = []
    with locked(private_dir(settings.scratch_dir) / f".fetch-{feed.name}"), storing(settings, feed.name):
        way = reader(feed.name, source)
        for dt in sorted(set(days)):
            offers = _data(way.offers(dt), feed)
            if offers and _is_new(settings, feed.name, dt, offers):
                progress(f"{feed.name} {dt}: fetching {len(offers)} files")
                fetched = _fetch_day(settings, feed.name, dt, offers, way)
                done += [fetched] if fetched else []
    return done


def _data(offers: Iterable[Offer], feed: Feed) -> list[Offer]:
    """What by its name is data or a manifest: not what is still being written."""
    return [offer for offer in offers if offer.name == MANIFEST or is_data(offer.name, feed.suffixes)]


def has_news(settings: Settings, feeds: Mapping[str, Feed], days: Iterable[date]) -> bool:
    """Whether a source has something for these days that was not fetched; one that cannot be reached may have."""
    wanted = list(days)
    for name in settings.site_profile.landing.keys() & feeds.keys():
        try:
            way = reader(name, settings.site_profile.landing[name])
            found = ((dt, _data(way.offers(dt), feeds[name])) for dt in wanted)
            if any(offers and _is_new(settings, name, dt, offers) for dt, offers in found):
                return True
        except SourceError:
            return True  # the run will say so
    return False


def offered(settings: Settings, feed: Feed, dt: date) -> str | None:
    """The identity of what the feed's source has for a day and was not fetched; None if there is nothing, or if it
    cannot be reached."""
    source = settings.site_profile.landing.get(feed.name)
    if source is None:
        return None
    try:
        offers = _data(reader(feed.name, source).offers(dt), feed)
    except SourceError:
        return None
    return _identity(offers) if offers and _is_new(settings, feed.name, dt, offers) else None


def _is_new(settings: Settings, feed: str, dt: date, offers: list[Offer]) -> bool:
    identity = _identity(offers)
    note, folder = _note(settings, feed, dt), settings.landing_dir / feed / f"dt={dt}"
    noted = json.loads(note.read_text("utf-8"))[_IDENTITY] if note.exists() else None
    if not folder.exists():
        return bool(noted != identity)
    if noted == identity:
        return False
    was_fetched = _source_of(folder)
    if was_fetched == identity:  # a fetch was killed before its last steps
        _clear(folder.parent)
        _write_note(settings, feed, dt, identity)
    return was_fetched not in (None, identity)


def _fetch_day(settings: Settings, feed: str, dt: date, offers: list[Offer], way: Reader) -> Fetched | None:
    """Bring a day into landing; None if there is nothing in what was offered."""
    identity = _identity(offers)
    home = private_dir(settings.landing_dir / feed)
    folder = home / f".fetching-{dt}-{identity[:16]}"
    for other in home.glob(f".fetching-{dt}-*"):
        if other != folder:  # of what the source has changed since
            shutil.rmtree(other)
    folder.mkdir(mode=0o700, exist_ok=True)
    for offer in offers:
        _complete(folder, offer, dt, way)
    if not any(path.stat().st_size for path in folder.iterdir()):
        shutil.rmtree(folder)
        return None
    if not (folder / MANIFEST).exists():
        replace_text(folder / MANIFEST, json.dumps(_manifest(folder, offers), indent=1))
    replace_text(folder / SOURCE, identity)
    for path in (*folder.iterdir(), folder):
        sync(path)
    target = home / f"dt={dt}"
    if target.exists():
        _clear(home)
        target.rename(home / f"{_REPLACED}{dt}")
    folder.rename(target)
    _clear(home)
    _write_note(settings, feed, dt, identity)
    return Fetched(dt, [offer.name for offer in offers])


def _clear(home: Path) -> None:
    """Remove what a correction has replaced, of killed fetches too."""
    for replaced in home.glob(f"{_REPLACED}*"):
        shutil.rmtree(replaced)


def _complete(folder: Path, offer: Offer, dt: date, way: Reader) -> None:
    """Bring one file to its end, from where a killed fetch left it."""
    path, begun = folder / offer.name, folder / f"{offer.name}.part"
    if path.exists():
        return
    begun.touch(0o600)
    with begun.open("r+b") as target:
        have = target.seek(0, 2)
        way.write(offer, dt, target, have)
        size = target.seek(0, 2)
    if offer.size is not None and size != offer.size:
        begun.unlink()
        raise SourceError(f"{folder.parent.name}: {offer.name} of {dt} has {size:,} bytes, {offer.size:,} were listed.")
    begun.rename(path)


def _manifest(folder: Path, offers: list[Offer]) -> dict[str, object]:
    """What a source would say of its files, of one that says nothing."""
    stamps = [offer.modified_at for offer in offers if offer.modified_at]
    at = max(stamps, default=datetime.now(UTC))
    files = [{"name": offer.name, "sha256": sha256_of(folder / offer.name)} for offer in offers]
    return {"delivered_at": at.isoformat(timespec="seconds"), "files": files}


def _source_of(folder: Path) -> str | None:
    """Of what a delivery was fetched; None of one that somebody laid there."""
    if (folder / SOURCE).exists():
        return (folder / SOURCE).read_text("utf-8")
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return str(found[_IDENTITY]) if isinstance(found, dict) and _IDENTITY in found else None


def _identity(offers: list[Offer]) -> str:
    facts = [(offer.name, offer.identity) for offer in offers]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _note(settings: Settings, feed: str, dt: date) -> Path:
    return settings.home / "fetched" / feed / f"{dt}.json"


def _write_note(settings: Settings, feed: str, dt: date, identity: str) -> None:
    note = _note(settings, feed, dt)
    private_dir(note.parent)
    replace_text(note, json.dumps({_IDENTITY: identity}))
