"""A delivery as it lies in landing: its files, its manifest, and the identity of its bytes."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

MANIFEST = "_manifest.json"
SUFFIXES = (".csv", ".csv.gz", ".parquet")
_BACKFILL_HOUR = time(6)


class RefusedError(Exception):
    """A delivery that cannot be read as a whole; the message names the file and where in it."""


class ManifestFile(BaseModel):
    """What the source says of one file."""

    name: str
    rows: int | None = None
    sha256: str | None = None
    control_totals: dict[str, Decimal] = {}


class Manifest(BaseModel):
    """What the source says of a delivery."""

    delivered_at: datetime | None = None
    files: list[ManifestFile] = []


@dataclass(frozen=True)
class Delivery:
    """The files of one feed for one extract date."""

    feed: str
    dt: date
    folder: Path
    files: tuple[Path, ...]

    @cached_property
    def fingerprint(self) -> str:
        """Identity by name, size and modification time: cheap, and enough to see that nothing was touched."""
        return self._facts()

    def _facts(self) -> str:
        names = [*self.files, self.folder / MANIFEST]
        facts: list[Any] = [
            (path.name, stat.st_size, stat.st_mtime_ns) for path in names if (stat := _stat(path)) is not None
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def sha256_by_file(self) -> dict[str, str]:
        """SHA-256 of each file's bytes; of what is no file, of none."""
        with ThreadPoolExecutor() as pool:
            return dict(zip((path.name for path in self.files), pool.map(_sha256, self.files), strict=True))

    @property
    def sha256(self) -> str:
        """Identity by content: the same bytes again are the same delivery."""
        return hashlib.sha256(json.dumps(self.sha256_by_file, sort_keys=True).encode()).hexdigest()

    @property
    def manifest_sha256(self) -> str | None:
        """Identity of the manifest: a delivery that it refused may be mended by another one."""
        path = self.folder / MANIFEST
        return _sha256(path) if path.is_file() else None

    def has_changed(self) -> bool:
        """Whether a file was touched since the fingerprint was taken, so that what was read may be neither."""
        return self._facts() != self.fingerprint

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest, if the source wrote one.

        Raises:
            RefusedError: if it cannot be read.
        """
        path = self.folder / MANIFEST
        if not path.exists():
            return None
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            problem = error.errors(include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise RefusedError(f"{MANIFEST}: {place or 'the file'}: {problem['msg']}") from error
        except IsADirectoryError as error:
            raise RefusedError(f"{MANIFEST}: is no file") from error

    def check_files(self) -> None:
        """Compare the files with the manifest's list, by name and hash.

        Raises:
            RefusedError: naming the file that is absent, unlisted, listed twice or different.
        """
        if self.manifest is None or not self.manifest.files:
            if not self.files:
                raise RefusedError(f"{MANIFEST}: there is no file beside it")
            return
        listed = {entry.name: entry for entry in self.manifest.files}
        if len(listed) < len(self.manifest.files):
            raise RefusedError(f"{MANIFEST}: lists a file twice")
        present = {path.name for path in self.files}
        if absent := sorted(listed.keys() - present):
            raise RefusedError(f"{absent[0]}: listed in {MANIFEST}, but absent")
        if unlisted := sorted(present - listed.keys()):
            raise RefusedError(f"{unlisted[0]}: not listed in {MANIFEST}")
        for name, entry in listed.items():
            if entry.sha256 and entry.sha256 != self.sha256_by_file[name]:
                raise RefusedError(f"{name}: its SHA-256 differs from the one in {MANIFEST}")

    def delivered_at(self, *, is_first: bool, lateness_days: int, zone: ZoneInfo) -> datetime:
        """When this revision arrived.

        What the manifest says; else the newest file's modification time; but a first delivery without a manifest
        that is older history than its feed's lateness allows is a backfill, and counts as having come at 06:00 on
        the morning after its day.
        """
        if self.manifest and self.manifest.delivered_at:
            moment = self.manifest.delivered_at
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)
        arrived = datetime.fromtimestamp(max(stat.st_mtime for path in self.files if (stat := _stat(path))), zone)
        due = datetime.combine(self.dt + timedelta(days=1), _BACKFILL_HOUR, zone)
        return due if is_first and arrived > due + timedelta(days=lateness_days) else arrived


def find_delivery(landing: Path, feed: str, dt: date) -> Delivery | None:
    """The delivery of a feed for a day, or None if nothing has arrived."""
    folder = landing / feed / f"dt={dt.isoformat()}"
    if not folder.is_dir():
        return None
    files = tuple(sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES)))
    has_manifest = (folder / MANIFEST).exists()
    return Delivery(feed, dt, folder, files) if files or has_manifest else None


def _stat(path: Path) -> Any:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def size_of(path: Path) -> int:
    """Bytes of a file; none of what is not there or no file."""
    return path.stat().st_size if path.is_file() else 0


def _sha256(path: Path) -> str:
    if not path.is_file():
        return hashlib.sha256().hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
