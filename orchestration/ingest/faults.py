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

import duckdb

from orchestration.base.machine import is_about_room, is_machines
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.site_profile import NumberPlan
from orchestration.base.sql import first_line
from orchestration.privacy.masking import without_numbers


class RefusedError(Exception):
    """A delivery that cannot be read as a whole; the message names the file and where in it."""


class StorageError(Refusal):
    """The disk is full, or a file may not grow any further; what was there before is untouched."""


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


@contextmanager
def storing(settings: Settings, feed: str) -> Iterator[None]:
    """Within this, a feed's landing, raw and quarantine are written: an error of the machine is raised as it is, but
    says no number that a source has put into a file's name.

    Raises:
        StorageError: there is no room for the result.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        _mask(error, settings.site_profile.numbers)
        if is_about_room(error):
            raise StorageError(
                f"{feed}: no room under {settings.home} ({first_line(error)}). Nothing was changed by what "
                "could not be written; make room and run again."
            ) from None
        raise


def _mask(error: OSError | duckdb.Error, plan: NumberPlan) -> None:
    error.args = tuple(without_numbers(said, plan) if isinstance(said, str) else said for said in error.args)
    if isinstance(error, OSError):
        for which in ("filename", "filename2"):
            if (path := getattr(error, which)) is not None:
                setattr(error, which, without_numbers(os.fsdecode(path), plan))


def _kind(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return type(error).__name__
