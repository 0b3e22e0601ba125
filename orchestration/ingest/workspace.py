"""Where a batch's results are written before they are renamed into place."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date
from pathlib import Path

from orchestration.base.files import is_locked, locked
from orchestration.base.settings import Settings, private_dir

_PREFIX = ".tmp-"
_LOCK = "lock"


class Workspace:
    """Temporary siblings of a batch's results, on the same file system as these, gone afterwards.

    The scratch folder holds a lock for as long as the process lives, so that the next ingest can tell the folders of
    one that was killed, which it removes (transcoded extracts among them), from those of one that works beside it.
    Nobody looks between the making of a folder and its lock.
    """

    def __init__(self, settings: Settings, feed: str) -> None:
        name = f"{_PREFIX}{uuid.uuid4().hex}"
        self.accepted = settings.raw_dir / feed / name
        self.quarantined = settings.quarantine_dir / feed / name
        self.scratch = settings.scratch_dir / name
        self._settings = settings
        self._holding = ExitStack()

    def partitions(self, dt: date) -> tuple[Path, Path]:
        """Where a day's accepted and quarantined rows are before they are put in place."""
        return self.accepted / f"dt={dt}", self.quarantined / f"dt={dt}"

    def __enter__(self) -> Workspace:
        with _undisturbed(self._settings):
            private_dir(self.scratch)
            self._holding.enter_context(locked(self.scratch / _LOCK))
        private_dir(self.accepted)
        private_dir(self.quarantined)
        return self

    def __exit__(self, *_: object) -> None:
        for folder in (self.accepted, self.quarantined, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
        self._holding.close()


@contextmanager
def one_at_a_time(settings: Settings, feed: str) -> Iterator[None]:
    """Wait until no other process ingests this feed: whoever comes second finds that nothing is left to do."""
    with locked(private_dir(settings.scratch_dir) / f".{_LOCK}-{feed}"):
        yield


def _undisturbed(settings: Settings) -> AbstractContextManager[int]:
    """Nobody else makes or removes workspaces."""
    return locked(private_dir(settings.scratch_dir) / ".workspaces")


def discard_unfinished(settings: Settings) -> None:
    """Remove what killed ingests left behind, and nothing of those that still run."""
    with _undisturbed(settings):
        for folder in unfinished(settings):
            if not is_locked(settings.scratch_dir / folder.name / _LOCK):
                shutil.rmtree(folder, ignore_errors=True)


def unfinished(settings: Settings) -> list[Path]:
    """Folders of ingests that run or were killed; scratch comes last, whose lock speaks for the others."""
    patterns = {settings.raw_dir: "*/", settings.quarantine_dir: "*/", settings.scratch_dir: ""}
    return [folder for room, feeds in patterns.items() for folder in sorted(room.glob(f"{feeds}{_PREFIX}*"))]
