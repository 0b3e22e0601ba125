"""What else is wrong with files that reach a carrier, after public reports: beyond what a contract admits.

Each kind is one row of a table: to which files it can happen and what it does to one. A delivery has one of them at
most, and none loses a row or a value: whoever reads files with care gets the same rows as without.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

SHARE_PCT = 15
_TAPE_BLOCK = 512
_HAS_COMMENT = 0x10


@dataclass(frozen=True)
class FileFault:
    """One kind: the endings of the files that it can happen to, and what it does to such a file or beside it."""

    kind: str
    suffixes: tuple[str, ...]
    commit: Callable[[Path], None]


def _apple_double(path: Path) -> None:
    path.with_name(f"._{path.name}").write_bytes(bytes.fromhex("00051607000200004d6163204f532058") + bytes(64))


def _upload_in_progress(path: Path) -> None:
    data = path.read_bytes()
    path.with_name(f".in.{path.name}.").write_bytes(data[: len(data) // 2])


def _empty_part(path: Path) -> None:
    name, dot, suffix = path.name.partition(".")
    part = path.with_name(f"{name.rsplit('-', 1)[0]}-1{dot}{suffix}")
    part.touch()
    manifest = path.with_name("_manifest.json")
    content = json.loads(manifest.read_text("utf-8"))
    content["files"].append({"name": part.name, "rows": 0, "sha256": hashlib.sha256(b"").hexdigest()})
    manifest.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _control_z(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\x1a")


def _carriage_returns(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))


def _zero_padding(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(_TAPE_BLOCK - path.stat().st_size % _TAPE_BLOCK))


def _gzip_comment(path: Path) -> None:
    data = gzip.compress(gzip.decompress(path.read_bytes()), mtime=0)
    path.write_bytes(data[:3] + bytes([data[3] | _HAS_COMMENT]) + data[4:10] + b"nightly export\0" + data[10:])


def _manifest(change: Callable[[str], bytes]) -> Callable[[Path], None]:
    def commit(path: Path) -> None:
        manifest = path.with_name("_manifest.json")
        manifest.write_bytes(change(manifest.read_text("utf-8")))

    return commit


def _upper_sums(content: str) -> bytes:
    manifest = json.loads(content)
    for entry in manifest["files"]:
        entry["sha256"] = entry["sha256"].upper()
    return (json.dumps(manifest, indent=1) + "\n").encode()


CSV, COMPRESSED, ANY = (".csv",), (".csv.gz",), (".csv", ".csv.gz", ".parquet")

#: Done to a file before it is listed in its manifest.
FILE_FAULTS = (
    FileFault("CONTROL_Z", CSV, _control_z),
    FileFault("CARRIAGE_RETURNS", CSV, _carriage_returns),
    FileFault("GZIP_ZERO_PADDING", COMPRESSED, _zero_padding),
    FileFault("GZIP_COMMENT", COMPRESSED, _gzip_comment),
)
#: Done beside a file, or to the manifest that lists it.
FOLDER_FAULTS = (
    FileFault("APPLE_DOUBLE", ANY, _apple_double),
    FileFault("UPLOAD_IN_PROGRESS", ANY, _upload_in_progress),
    FileFault("EMPTY_PART", CSV, _empty_part),
    FileFault("MANIFEST_CAPITALS", ANY, _manifest(_upper_sums)),
    FileFault("MANIFEST_BYTE_ORDER_MARK", ANY, _manifest(lambda content: content.encode("utf-8-sig"))),
)


def fault_of(seed: int, feed: str, day: date, path: Path, rows: int) -> FileFault | None:
    """What is wrong with a delivery, by seed, feed and day; None for most, and for a file without rows."""
    chance = int.from_bytes(hashlib.sha256(f"{seed}/{feed}/{day}".encode()).digest()[:8])
    if rows == 0 or chance % 100 >= SHARE_PCT:
        return None
    suffix = path.name[path.name.index(".") :]
    possible = [fault for fault in FILE_FAULTS + FOLDER_FAULTS if suffix in fault.suffixes]
    return possible[chance // 100 % len(possible)]
