"""Files that several processes write, read or wait for at once, and texts that people edit."""

from __future__ import annotations

import codecs
import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: What a byte order mark says of the bytes behind it; the longer first, since UTF-32's begins as UTF-16's does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip

_CLONED_BYTES = 1 << 30


class NotTextError(ValueError):
    """A file is not in the encoding that it should be in; the message names the line."""

    def __init__(self, line: int, said: str) -> None:
        super().__init__(f"line {line}: {said}")
        self.line, self.said = line, said


class RepeatedKeyError(ValueError):
    """An object of JSON says something twice; `owner` is the `id` or `name` of that object, if it has one."""

    def __init__(self, key: str, owner: object) -> None:
        super().__init__(f"{key!r} is said twice" + (f", of {owner!r}" if isinstance(owner, str) else ""))
        self.key = key


def encoding_by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning of a file stands for."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def decode_text(content: bytes) -> str:
    """A text that somebody edits: UTF-8, or what its byte order mark says; the mark is left out.

    Raises:
        NotTextError: naming the line that is neither.
    """
    encoding = encoding_by_mark(content) or "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise NotTextError(line, f"is not in {encoding.removesuffix('-sig')}; save the file as UTF-8") from None


def read_text(path: Path) -> str:
    """The text of a file that somebody edits, as `decode_text` has it."""
    return decode_text(path.read_bytes())


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_json(text: str, **options: Any) -> Any:
    """JSON that somebody edits, with the options of `json.loads`.

    Raises:
        JSONDecodeError: if it is not JSON.
        RepeatedKeyError: if an object has a key twice, of which `json.loads` would drop the first in silence.
    """
    return json.loads(text, object_pairs_hook=_without_repeats, **options)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise RepeatedKeyError(repeated, found.get("id") or found.get("name"))
    return found


@contextmanager
def replacing(path: Path, *, is_durable: bool) -> Iterator[Path]:
    """A temporary sibling to write to, which then replaces `path` in one rename, or is removed if the writing fails.

    A reader, or whoever comes after a kill, finds what was there before or all of this. With `is_durable`, so does
    whoever comes after a power cut: the file and its folder are on disk on return.
    """
    temporary = _beside(path)
    try:
        yield temporary
        if is_durable:
            sync(temporary)
        os.replace(temporary, path)
        if is_durable:
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".tmp-{uuid.uuid4().hex}-{path.name}")


def clone(source: Path, target: Path) -> None:
    """Copy a file; where the file system can, both share their blocks until one is changed."""
    try:
        with source.open("rb") as read, target.open("wb") as written:
            while os.copy_file_range(read.fileno(), written.fileno(), _CLONED_BYTES):
                pass
    except (AttributeError, OSError):  # not Linux; or from one file system to another, or on one that cannot
        shutil.copyfile(source, target)


def replace_text(path: Path, text: str) -> None:
    """Write a text in one step; for what can be written again, and so is not brought to disk at once."""
    with replacing(path, is_durable=False) as temporary:
        temporary.write_text(text, "utf-8")


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, in one step and on disk on return."""
    with replacing(path, is_durable=True) as temporary:
        temporary.touch(0o600, exist_ok=False)
        temporary.write_bytes(content)


def write_key(path: Path, text: str) -> None:
    """Write a key that only its owner may read, whole and on disk, or not at all: a half would count as one.

    Raises:
        FileExistsError: if there is one; it is never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        temporary.touch(0o600, exist_ok=False)
        temporary.write_text(text, "utf-8")
        sync(temporary)
        os.link(temporary, path)  # which, unlike a rename, takes no other's place
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring a file, or a folder's list of files, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, is_shared: bool = False, is_patient: bool = True) -> Iterator[int]:
    """Hold the lock that this file is, alone or `is_shared`; yields the descriptor that does. It ends with the process.

    Raises:
        BlockingIOError: if it is not `is_patient` and another process holds the lock; otherwise it waits.
    """
    mode = (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if is_patient else fcntl.LOCK_NB)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, mode)
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock that this file is; nobody does if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
