"""Errors of the machine: no room, no memory, no file descriptors, a disk that cannot be read, our own folders closed to
us, a lock, an interruption.

Any other data would have met them as well. They end a run and say nothing of what it was given: they refuse no
delivery and close no gate. Which they are is drawn here, and nowhere else.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import duckdb

#: No room, by whatever name a file system gives it.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_MACHINE_ERRNO = (
    *NO_ROOM, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOLCK,
    errno.EDEADLK, errno.EINTR, errno.ETIMEDOUT, errno.ESTALE,
)  # fmt: skip
_MACHINE_WORDS = tuple(os.strerror(number) for number in _MACHINE_ERRNO)

#: After these a DuckDB connection is beyond use, whatever caused them: a damaged Parquet file can.
CRASHES = (duckdb.InternalException, duckdb.FatalException)

_MACHINE = (MemoryError, duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.ConnectionException, *CRASHES)


def is_machines(error: Exception, *paths: Path) -> bool:
    """Whether an error is the machine's; of these files, if any were being read, it may be theirs."""
    if isinstance(error, duckdb.IOException):
        return _is_machines_io(str(error), paths)
    if isinstance(error, OSError) and error.errno is not None:  # a library's own has none
        is_about_file = error.filename is None or any(os.fspath(error.filename) == os.fspath(path) for path in paths)
        return error.errno in _MACHINE_ERRNO or not is_about_file
    return isinstance(error, _MACHINE)


def is_about_room(error: Exception) -> bool:
    """Whether there was no room for a result."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return isinstance(error, duckdb.IOException) and any(os.strerror(number) in str(error) for number in NO_ROOM)


def _is_machines_io(said: str, paths: Sequence[Path]) -> bool:
    """DuckDB tells what the operating system said only in words."""
    is_ours = "ermission" in said and not any(str(path) in said for path in paths)
    words = ("Could not write", "lock on file", *_MACHINE_WORDS)
    return is_ours or any(word in said for word in words)
