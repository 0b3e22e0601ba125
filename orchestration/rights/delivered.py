"""The deliveries in which a forgotten person's rows came: out of landing and quarantine, once they are accepted.

A quarantined row is masked and cannot be told to be this person's or not; so all of these deliveries' go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.contracts import Feed, load_feeds
from orchestration.ingest.delivery import find_delivery
from orchestration.ingest.receipt import newest, read_receipts
from orchestration.ingest.retention import half_removed
from orchestration.ingest.workspace import unfinished
from orchestration.privacy.swap import Swap
from orchestration.rights.attestation import Attestation
from orchestration.rights.landing import UnsearchableError, Wanted, files_below, holds
from orchestration.rights.rekey import holding, raw_files

_OLD_OR_NEW = "select old from rekeyed union all select new from rekeyed"

#: Folder of a delivery below a room: its feed, and `dt=…`.
Folder = tuple[str, str]
#: Files that hold the person (None), or may, each with why it could not be searched.
Found = dict[Path, str | None]


def remove_deliveries(con: duckdb.DuckDBPyConnection, settings: Settings, swap: Swap, attestation: Attestation) -> None:
    """Remove the deliveries of the person in `subject` (`kind`, `value`), and what killed commands had copied.

    What is not ingested yet, or was refused, stays, and is named.
    """
    left = _left_by_killed(settings)
    feeds = load_feeds(settings)
    wanted = Wanted.of(con.execute("select kind, value from subject").fetchall(), settings.site_profile.numbers)
    search = _Search(con, wanted, sorted({feed.encoding for feed in feeds.values()}), left)
    deliveries = {
        _folder(path.relative_to(settings.raw_dir))
        for files in raw_files(con, settings.raw_dir)
        for path in holding(con, files, _OLD_OR_NEW)
    }
    deliveries |= _remove_from_landing(settings, feeds, search.by_delivery(settings.landing_dir), swap, attestation)
    quarantined = search.by_delivery(settings.quarantine_dir) if settings.quarantine_dir.exists() else {}
    for folder, found in quarantined.items():
        deliveries |= {folder} if None in found.values() else set()
        for path, why in found.items():
            if why:
                attestation.stays(path, f"could not be searched: {why}")
    for removed in [*(settings.quarantine_dir.joinpath(*one) for one in sorted(filter(None, deliveries))), *left]:
        attestation.removed(removed)
        swap.remove(removed)


def _remove_from_landing(
    settings: Settings,
    feeds: Mapping[str, Feed],
    by_delivery: Mapping[Folder | None, Found],
    swap: Swap,
    attestation: Attestation,
) -> set[Folder]:
    """Remove what was accepted of it, say why the rest stays; the deliveries that go."""
    gone = set()
    latest = {(receipt.feed, f"dt={receipt.dt}"): receipt for receipt in newest(read_receipts(settings.raw_dir))}
    for folder, found in by_delivery.items():
        receipt = latest.get(folder) if folder else None
        contract = feeds.get(folder[0]) if folder else None
        delivery = find_delivery(settings.landing_dir, contract, receipt.dt) if receipt and contract else None
        is_taken = receipt is not None and delivery is not None and receipt.sha256 == delivery.sha256
        is_held = None in found.values() or bool(delivery and found.keys() & set(delivery.files))
        if folder and delivery and receipt and is_taken and receipt.status == "ACCEPTED" and is_held:
            gone.add(folder)
            attestation.removed(delivery.folder)
            swap.remove(delivery.folder)
            continue
        here = "not ingested yet; forget again when it is"
        if is_taken:
            here = "refused; forget again when a mended delivery has replaced it"
        elif folder is None:
            here = "lies outside of a delivery's folder; remove it by hand"
        for path, why in found.items():
            attestation.stays(path, here if why is None else f"could not be searched: {why}")
    return gone


@dataclass(frozen=True)
class _Search:
    """A search for the person in files of these encodings, but for those that go anyhow."""

    con: duckdb.DuckDBPyConnection
    wanted: Wanted
    encodings: list[str]
    but: Collection[Path]

    def by_delivery(self, room: Path) -> dict[Folder | None, Found]:
        """Files of a room that hold the person, or may, by their delivery, if they lie in one."""
        found: dict[Folder | None, Found] = defaultdict(dict)
        for path, why in files_below(room):
            if not set(self.but).isdisjoint(path.parents):
                continue
            folder = _folder(path.relative_to(room))
            try:
                if why or holds(self.con, path, self.wanted, self.encodings):
                    found[folder][path] = why
            except UnsearchableError as error:
                found[folder][path] = str(error)
        return found


def _folder(below_room: Path) -> Folder | None:
    """The delivery that a file of a room belongs to."""
    feed, day = (*below_room.parts[:-1], "", "")[:2]
    return (feed, day) if day.startswith("dt=") else None


def _left_by_killed(settings: Settings) -> list[Path]:
    """What commands that were killed left: an ingest, a removal, or a copy of what is published or of the warehouse."""
    copies = [path for path in sorted(settings.scratch_dir.glob("*")) if path.is_dir()]
    return list(dict.fromkeys([*unfinished(settings), *half_removed(settings), *copies]))
