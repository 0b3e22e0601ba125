"""Who may touch the data now, and with which key: the lock, and the key that the data was made with.

Any number of processes may read and add to the data as it is keyed now (`shared`); re-keying takes it for itself
alone (`exclusive`). The lock is the kernel's and goes with its process. Whoever comes first after a kill carries an
interrupted exchange to its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from orchestration.base.files import locked, write_durably
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, home_dir, private_dir
from orchestration.privacy.pseudonyms import KeyMissingError, PseudonymKey
from orchestration.privacy.swap import needs_recovery, recover


class KeyMismatchError(KeyMissingError):
    """The configured key is not the one that the data was made with."""


class BusyError(Refusal):
    """Somebody else is using the data."""


@contextmanager
def shared(settings: Settings) -> Iterator[PseudonymKey]:
    """Read and add to the data as it is keyed now; waits until a re-keying has ended.

    Raises:
        KeyMissingError: without a key; KeyMismatchError: with another one than the data was made with.
    """
    key = PseudonymKey.load(settings)
    while True:
        is_shared = not needs_recovery(settings)
        with locked(_lock(settings), is_shared=is_shared):
            if not is_shared:
                recover(settings)
            elif not needs_recovery(settings):
                _check(settings, key)
                yield key
                return


@contextmanager
def exclusive(settings: Settings, or_with: PseudonymKey | None = None) -> Iterator[PseudonymKey]:
    """Have the data alone, to re-key it; yields the key that it was made with, the configured one or `or_with`.

    Raises:
        BusyError: if somebody else is using it.
        KeyMissingError: without a key; KeyMismatchError: with another one than the data was made with.
    """
    key = PseudonymKey.load(settings)
    with ExitStack() as holding:
        try:
            holding.enter_context(locked(_lock(settings), is_patient=False))
        except BlockingIOError:
            raise BusyError(
                "An ingest, a run or a re-keying is using the data. Try again when it has ended; nothing was done."
            ) from None
        recover(settings)
        if or_with is not None and key_in_use(settings) == or_with.fingerprint:
            key = or_with
        _check(settings, key)
        yield key


def check_key(settings: Settings) -> None:
    """Refuse early, before anything is read; nothing is recorded.

    Raises:
        KeyMissingError: without a key; KeyMismatchError: with another one than the data was made with.
    """
    with shared(settings):
        pass


def pin(settings: Settings, key: PseudonymKey) -> None:
    """Record the key that data is going to be made with, before the first of it is; of two that come first, one does.

    Raises:
        KeyMismatchError: if the data was made with another one, or is being made with it.
    """
    with locked(private_dir(settings.vault_dir) / ".lock-key"):
        if key_in_use(settings) is None:
            write_fingerprint(key_file(settings), key)
    _check(settings, key)


def key_in_use(settings: Settings) -> str | None:
    """Fingerprint of the key that the data was made with, or None while there is none."""
    path = key_file(settings)
    return str(json.loads(path.read_bytes())["fingerprint"]) if path.exists() else None


def key_file(settings: Settings) -> Path:
    """Where the fingerprint of the key in use stands."""
    return settings.vault_dir / "key.json"


def write_fingerprint(path: Path, key: PseudonymKey) -> None:
    """Record which key is in use from now on."""
    content = {"fingerprint": key.fingerprint, "since": datetime.now(UTC).isoformat(timespec="seconds")}
    write_durably(path, json.dumps(content).encode())


def _check(settings: Settings, key: PseudonymKey) -> None:
    if key_in_use(settings) not in (None, key.fingerprint):
        raise KeyMismatchError(
            f"The configured pseudonym key is not the one that {settings.home} was made with: the same number would "
            f"get two pseudonyms. Configure that key, or change keys with `ringfence rotate-key`. Nothing was done."
        )


def _lock(settings: Settings) -> Path:
    home_dir(settings.home)
    return private_dir(settings.vault_dir) / ".lock"
