"""Several files and folders exchanged as one: readers find all of the old ones, or all of the new ones.

The new versions are built below `<HOME>/.rekey/new/`, at the paths that they will have below `<HOME>`. Writing the
journal is the commit: before it, everything that was built is thrown away; after it, whoever comes next carries the
exchange to its end. Neither needs a key.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.base.files import sync, write_durably
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir

_JOURNAL = "journal.json"
_DONE = "done.json"


@dataclass
class Swap:
    """One exchange, being built. `new` is where to build, `remove` what is to go without a successor."""

    settings: Settings
    _items: list[str] = field(default_factory=list)
    _removals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.rmtree(_root(self.settings), ignore_errors=True)
        private_dir(_root(self.settings) / "new")

    def new(self, path: Path) -> Path:
        """Where to write the new version of a file or folder below HOME."""
        relative = path.relative_to(self.settings.home)
        self._items.append(str(relative))
        target = _root(self.settings) / "new" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def remove(self, path: Path) -> None:
        """Remove a file or folder, anywhere, once the new versions are in place."""
        self._removals.append(str(path))

    def commit(self) -> None:
        """Exchange everything.

        Raises:
            Refusal: where a removal would fail: after the journal it would stop every command that comes next.
        """
        root = _root(self.settings)
        for removal in map(Path, self._removals):
            if folder := _closed(removal):
                raise Refusal(f"{folder} cannot be written to, so {removal} would stay. Nothing was done.")
        for walked, _, files in os.walk(root / "new"):
            for name in files:
                sync(Path(walked) / name)
            sync(Path(walked))
        write_durably(root / _JOURNAL, json.dumps({"items": self._items, "removals": self._removals}).encode())
        _roll_forward(self.settings)


def needs_recovery(settings: Settings) -> bool:
    """Somebody was killed in the middle of an exchange."""
    root = _root(settings)
    return root.exists() and not (root / _DONE).exists()


def needs_finishing(settings: Settings) -> bool:
    """An exchange was carried to its end, and the old versions of folders are still there."""
    return (_root(settings) / _DONE).exists()


def finish(settings: Settings) -> None:
    """Remove what was kept of the old versions."""
    shutil.rmtree(_root(settings))


def recover(settings: Settings) -> None:
    """Carry a committed exchange to its end, or throw away one that was not committed."""
    if (_root(settings) / _JOURNAL).exists():
        _roll_forward(settings)
    elif needs_recovery(settings):
        shutil.rmtree(_root(settings))


def _root(settings: Settings) -> Path:
    return settings.home / ".rekey"


def _closed(path: Path) -> Path | None:
    """The folder that keeps a file or folder from being removed."""
    within = [Path(folder) for folder, _, _ in os.walk(path)]
    folders = [path.parent, *within] if path.exists() else []
    return next((folder for folder in folders if not os.access(folder, os.W_OK | os.X_OK)), None)


def _roll_forward(settings: Settings) -> None:
    root = _root(settings)
    journal = json.loads((root / _JOURNAL).read_bytes())
    for item in journal["items"]:
        new, target, old = root / "new" / item, settings.home / item, root / "old" / item
        if not new.exists():  # exchanged before somebody was killed
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            old.parent.mkdir(parents=True, exist_ok=True)
            target.rename(old)
        os.replace(new, target)
        sync(target.parent)
    for removal in map(Path, journal["removals"]):
        if removal.is_dir():
            shutil.rmtree(removal)
        else:
            removal.unlink(missing_ok=True)
    os.replace(root / _JOURNAL, root / _DONE)
    sync(root)
