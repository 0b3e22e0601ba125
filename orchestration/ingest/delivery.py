"""A delivery as it lies in landing: its files, its manifest, and the identity of its bytes."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ValidationError

from orchestration.base.files import NotTextError, RepeatedKeyError, decode_text, parse_json, sha256_of
from orchestration.base.site_profile import NumberPlan
from orchestration.contracts import Feed
from orchestration.ingest.faults import RefusedError, reading
from orchestration.ingest.names import header_in_message, is_data, spelled
from orchestration.privacy.masking import without_numbers

MANIFEST = "_manifest.json"
#: Beside a delivery that was fetched: the identity of what it was fetched from.
SOURCE = ".source"


def _computable(moment: datetime) -> datetime:
    """A moment as it stands; of a year that no time zone can be applied to, one as unbelievable."""
    year = min(max(moment.year, 1900), 2200)
    return moment if year == moment.year else datetime(year, 1, 1, tzinfo=moment.tzinfo)


class ManifestFile(BaseModel):
    """What the source says of one file."""

    name: Annotated[str, AfterValidator(spelled)]
    rows: int | None = None
    sha256: str | None = None
    control_totals: dict[str, Decimal] = {}


class Manifest(BaseModel):
    """What the source says of a delivery."""

    delivered_at: Annotated[datetime, AfterValidator(_computable)] | None = None
    files: list[ManifestFile] = []

    @classmethod
    def read(cls, text: str) -> Manifest:
        """A manifest from its text, every digit of its totals kept.

        Raises:
            ValidationError: naming what is wrong with it, and where.
            RepeatedKeyError: if a key is there twice.
        """
        try:
            content = parse_json(text, parse_float=Decimal)
        except json.JSONDecodeError:
            return cls.model_validate_json(text)  # which says what is wrong
        return cls.model_validate(content)


@dataclass(frozen=True)
class Delivery:
    """The files of one feed for one extract date; `encoding` is the contract's, in which their names may be too."""

    feed: str
    dt: date
    folder: Path
    files: tuple[Path, ...]
    encoding: str = "utf-8"

    @cached_property
    def fingerprint(self) -> str:
        """Identity by name, size and modification time: cheap, and enough to see that nothing was touched."""
        return self._facts()

    def _facts(self) -> str:
        names = [*self.files, self.folder / MANIFEST]
        facts: list[Any] = [
            (path.name, stat.st_size, stat.st_mtime_ns) for path in names if (stat := _stat(path)) is not None
        ]
        facts += [f"closed: {path.name}" for path in (self.folder, *self.files) if not os.access(path, os.R_OK)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def sha256_by_file(self) -> dict[str, str]:
        """SHA-256 of each file; of anything that is not a regular file, or closed to us, the hash of empty input."""
        names = [self.name_of(path) for path in self.files]
        if len(names) == 1:  # most deliveries are one file, and threads take longer to start than that to read
            return {names[0]: _sha256(self.files[0])}
        with ThreadPoolExecutor() as pool:
            return dict(zip(names, pool.map(_sha256, self.files), strict=True))

    def name_of(self, path: Path) -> str:
        """A file's name as people and manifests spell it."""
        return spelled(path.name, self.encoding)

    @property
    def sha256(self) -> str:
        """Identity by content: the same bytes again are the same delivery."""
        return hashlib.sha256(json.dumps(self.sha256_by_file, sort_keys=True).encode()).hexdigest()

    @property
    def manifest_sha256(self) -> str | None:
        """Identity of the manifest: a delivery that it refused may be mended by another one."""
        path = self.folder / MANIFEST
        return _sha256(path) if is_file(path) else None

    def has_changed(self) -> bool:
        """Whether a file was touched since its fingerprint, so that neither content may be what was read."""
        return self._facts() != self.fingerprint

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest, if the source wrote one.

        Raises:
            RefusedError: if it cannot be read.
        """
        path = self.folder / MANIFEST
        if _stat(path) is None:
            return None
        if not is_file(path):
            raise RefusedError(f"{MANIFEST}: is not a file")
        try:
            with reading(MANIFEST, path):
                return Manifest.read(decode_text(path.read_bytes()))
        except RefusedError as error:
            raise RefusedError(_said_of_manifest(error)) from error

    def without_numbers(self, said: str, plan: NumberPlan) -> str:
        """What is said of its files, without the subscriber numbers that are in their names."""
        try:
            listed = [entry.name for entry in self.manifest.files] if self.manifest else []
        except RefusedError:
            listed = []
        for name in {*listed, *map(self.name_of, self.files)}:
            said = said.replace(name, without_numbers(name, plan))
        return said

    def is_vouched_for(self, name: str) -> bool:
        """Whether the manifest says how much a file holds, so that nothing can be missing at its end."""
        entries = self.manifest.files if self.manifest else []
        return any(entry.name == name and (entry.rows is not None or entry.sha256) for entry in entries)

    def check_files(self) -> None:
        """Compare the files with the manifest's list, by name, and by hash what can be read; who reads it says why not.

        Raises:
            RefusedError: naming the file that is absent, unlisted, listed twice or different, or has a name that
                another one spells in another way.
        """
        if is_closed_to_us(self.folder):
            raise RefusedError(f"{self.folder.name}: the folder is closed to us")
        if twice := next((name for name, n in Counter(map(self.name_of, self.files)).items() if n > 1), None):
            raise RefusedError(f"{twice}: there are two files of that name, spelled in different bytes")
        if self.manifest is None or not self.manifest.files:
            if not self.files:
                raise RefusedError(f"{MANIFEST}: there is no file beside it")
            return
        listed = {entry.name: entry for entry in self.manifest.files}
        if len(listed) < len(self.manifest.files):
            raise RefusedError(f"{MANIFEST}: lists a file twice")
        present = {self.name_of(path): path for path in self.files}
        if absent := sorted(listed.keys() - present.keys()):
            raise RefusedError(f"{absent[0]}: listed in {MANIFEST}, but absent")
        if unlisted := sorted(present.keys() - listed.keys()):
            raise RefusedError(f"{unlisted[0]}: not listed in {MANIFEST}")
        for name, entry in listed.items():
            can_be_read = is_file(present[name]) and os.access(present[name], os.R_OK)
            if can_be_read and entry.sha256 and entry.sha256.strip().casefold() != self.sha256_by_file[name]:
                raise RefusedError(f"{name}: its SHA-256 differs from the one in {MANIFEST}")

    @property
    def modified_at(self) -> float | None:
        """When the newest of its files was last written, as the file system has it, in seconds; None without files."""
        return max((stat.st_mtime for path in self.files if (stat := _stat(path))), default=None)


def find_delivery(landing: Path, feed: Feed, dt: date) -> Delivery | None:
    """The delivery of a feed for a day, or None if nothing has arrived."""
    return delivery_in(landing / feed.name / f"dt={dt.isoformat()}", feed, dt)


def delivery_in(folder: Path, feed: Feed, dt: date) -> Delivery | None:
    """The same of a folder, whatever its name."""
    if not _is_folder(folder):  # or not to be seen behind one that is closed: nothing has arrived as yet
        return None
    is_closed = is_closed_to_us(folder)
    found = [] if is_closed else folder.iterdir()
    files = tuple(sorted(path for path in found if is_data(path.name, feed.suffixes)))
    has_manifest = _stat(folder / MANIFEST) is not None
    return Delivery(feed.name, dt, folder, files, feed.encoding) if files or has_manifest or is_closed else None


def is_closed_to_us(folder: Path) -> bool:
    """Whether there is a folder that we may not list or enter."""
    return _is_folder(folder) and not os.access(folder, os.R_OK | os.X_OK)


def day_of(folder: Path) -> date | None:
    """The day that a folder `dt=YYYY-MM-DD` is for; None if its name is another."""
    text = folder.name.removeprefix("dt=")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if folder.name == f"dt={day}" else None


def _said_of_manifest(refusal: RefusedError) -> str:
    """What is wrong with a manifest, and where in it, without the values that stand there."""
    cause = refusal.__cause__
    if isinstance(cause, ValidationError):
        problem = cause.errors(include_input=False, include_context=False)[0]
        place = ".".join(str(part) if isinstance(part, int) else header_in_message(part) for part in problem["loc"])
        return f"{MANIFEST}: {place or 'the file'}: {problem['msg']}"
    if isinstance(cause, RepeatedKeyError):
        return f"{MANIFEST}: {header_in_message(cause.key)!r} is said twice"
    return f"{MANIFEST}: {cause}" if isinstance(cause, NotTextError) else str(refusal)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # not there, or behind a folder or a link that leads nowhere
        return None


def _is_folder(path: Path) -> bool:
    found = _stat(path)
    return found is not None and S_ISDIR(found.st_mode)


def is_file(path: Path) -> bool:
    """Whether there is a regular file; not so of what cannot be looked at."""
    found = _stat(path)
    return found is not None and S_ISREG(found.st_mode)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 for anything that is absent or not a regular file."""
    found = _stat(path)
    return found.st_size if found is not None and S_ISREG(found.st_mode) else 0


def _sha256(path: Path) -> str:
    if not is_file(path):
        return hashlib.sha256().hexdigest()
    try:
        return sha256_of(path)
    except (PermissionError, FileNotFoundError):
        return hashlib.sha256().hexdigest()
