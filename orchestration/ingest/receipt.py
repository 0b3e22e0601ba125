"""The receipt of a revision: what arrived, what became of each row, and why."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from orchestration.base.files import write_durably

RECEIPT = "receipt.json"
_REVISION = re.compile(r"^rev=([0-9]+)$")


class FileCount(BaseModel):
    """What became of the rows of one file; `read` counts records in the file, the others where they went.

    The amounts are sums of the contract's `reconciledAmount` over the same rows, in its unit; what cannot be read as
    an amount adds nothing.

    `is_empty` is a file without a byte of text, beside others; `read_as` an encoding other than the contract's, which
    a byte order mark gave away; `may_be_cut` a text whose last line does not end, and that no manifest vouches for.
    """

    name: str
    bytes: int
    sha256: str
    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    amount_read: int = 0
    amount_accepted: int = 0
    amount_quarantined: int = 0
    amount_duplicate: int = 0
    is_empty: bool = False
    read_as: str | None = None
    may_be_cut: bool = False


class Receipt(BaseModel, frozen=True):
    """One row per revision of a delivery.

    `claimed_at` is what its manifest or its files say of when it came, if `delivered_at` is another moment: the first
    sight of it, because a publication had gone past its day by then, or the claim is impossible.

    `fingerprint` identifies the files by name, size and time, `sha256` by content (`manifest_sha256` is the
    manifest's), `contract` by the contract that judged them. `reasons` counts quarantined rows by reason, of which a
    row may have several, `hidden` the accepted ones in which a subscriber number was masked, by the text column.
    By the contract's `eventTime`, `rows_ahead` happened after the delivery's day, `rows_behind` too long before it.
    """

    feed: str
    dt: date
    rev: int
    status: Literal["ACCEPTED", "REFUSED"]
    refusal: str | None = None
    fingerprint: str
    sha256: str
    contract: str
    manifest_sha256: str | None = None
    delivered_at: datetime
    claimed_at: datetime | None = None
    is_claim_impossible: bool = False
    ingested_at: datetime
    has_manifest: bool
    files: list[FileCount]
    reasons: dict[str, int] = {}
    unknown_columns: list[str] = []
    totals: dict[str, Decimal] = {}
    hidden: dict[str, int] = {}
    rows_ahead: int = 0
    rows_behind: int = 0

    @property
    def rows_read(self) -> int:
        return sum(file.read for file in self.files)

    @property
    def rows_accepted(self) -> int:
        return sum(file.accepted for file in self.files)

    @property
    def rows_quarantined(self) -> int:
        return sum(file.quarantined for file in self.files)

    @property
    def rows_duplicate(self) -> int:
        return sum(file.duplicate for file in self.files)


def revision_dir(root: Path, feed: str, dt: date, rev: int) -> Path:
    """Where a revision lies, under raw or quarantine."""
    return root / feed / f"dt={dt.isoformat()}" / f"rev={rev}"


def revisions(raw: Path, feed: str, dt: date) -> list[Receipt]:
    """Receipts of one delivery's revisions, oldest first."""
    return sorted(_receipts(raw, f"{feed}/dt={dt.isoformat()}/rev=*"), key=lambda receipt: receipt.rev)


def read_receipts(raw: Path, feed: str | None = None) -> list[Receipt]:
    """All receipts, of one feed or of every feed, by feed, day and revision."""
    found = _receipts(raw, f"{feed or '*'}/dt=*/rev=*")
    return sorted(found, key=lambda receipt: (receipt.feed, receipt.dt, receipt.rev))


def in_force(receipts: Iterable[Receipt]) -> list[Receipt]:
    """The revision in force of each delivery: the highest accepted one."""
    latest: dict[tuple[str, date], Receipt] = {}
    for receipt in receipts:
        if receipt.status == "ACCEPTED":
            latest[receipt.feed, receipt.dt] = receipt
    return list(latest.values())


def newest(receipts: Iterable[Receipt]) -> list[Receipt]:
    """The newest revision of each delivery, refused ones included: the one that a gate judges."""
    latest = defaultdict(list)
    for receipt in receipts:
        latest[receipt.feed, receipt.dt].append(receipt)
    return [group[-1] for group in latest.values()]


def _receipts(raw: Path, pattern: str) -> Iterator[Receipt]:
    """Receipts of the folders of this pattern, those left out that go while they are read."""
    for folder in raw.glob(pattern):
        if _REVISION.match(folder.name):
            path = folder / RECEIPT
            try:
                found = path.stat()
                yield _parsed(path, found.st_ino, found.st_mtime_ns)
            except FileNotFoundError:
                if folder.exists():
                    raise


@lru_cache(maxsize=1 << 16)
def _parsed(path: Path, inode: int, modified_ns: int) -> Receipt:
    """A receipt as it was when the file was this one: a run reads all history a dozen times, and parses it once."""
    return Receipt.model_validate_json(path.read_bytes())


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Write the receipt into a revision's folder, before that is renamed into place."""
    (folder / RECEIPT).write_text(_text(receipt), "utf-8")


def replace_receipt(folder: Path, receipt: Receipt) -> None:
    """Replace the receipt of a revision that is in place, in one rename and on disk on return: it is not made again."""
    write_durably(folder / RECEIPT, _text(receipt).encode())


def _text(receipt: Receipt) -> str:
    return json.dumps(receipt.model_dump(mode="json"), indent=1, ensure_ascii=False)
