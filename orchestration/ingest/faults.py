"""Whose fault an error is, while a delivery is read: `base/machine.py` says which are the machine's.

While a delivery's files are opened, unpacked, decoded, parsed and typed, whatever is raised, by whichever library, is
the file's: it refuses its delivery, by name, and all others go on. The machine's end the run, and refuse nothing.
Behind the reading, when results are counted and written, every error is the machine's or ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.base.machine import is_machines


class RefusedError(Exception):
    """A delivery that cannot be read as a whole; the message names the file and where in it."""


@contextmanager
def reading(name: str, *paths: Path, otherwise: str = "cannot be read") -> Iterator[None]:
    """Within this, files are read: an error of theirs is told as a refusal that names one, the machine's as it is.

    Raises:
        RefusedError: with the error's kind, and none of the data that its message may quote.
    """
    try:
        yield
    except RefusedError:
        raise
    except Exception as error:
        if is_machines(error, *paths):
            raise
        raise RefusedError(f"{name}: {otherwise} ({_kind(error)})") from error


def _kind(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return type(error).__name__
