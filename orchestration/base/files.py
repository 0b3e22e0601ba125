"""Files that several processes write, read or wait for at once, and texts that people edit."""

from __future__ import annotations

import codecs
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: What a byte order mark says of the bytes behind it; the longer first, since UTF-32's begins as UTF-16's does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


class NotTextError(ValueError):
    """A file is not in the encoding that it should be in; the message names the line."""


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
        raise NotTextError(f"line {line}: is not in {encoding.removesuffix('-sig')}; save the file as UTF-8") from None


def read_text(path: Path) -> str:
    """The text of a file that somebody edits, as `decode_text` has it."""
    return decode_text(path.read_bytes())


def replace_text(path: Path, text: str) -> None:
    """Write a file in one step: a reader, or whoever comes after a kill, finds what was there before or all of this."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)


def sync(path: Path) -> None:
    """Bring a file, or a folder's list of files, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Wait until no other process holds this lock; yields the descriptor that does. It ends with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
