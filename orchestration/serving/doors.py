"""Who may read what below HOME: everybody the open side of what is published, and nobody else anything beside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.serving.generations import DOORS, PARQUET, PUBLICATION

_PASSED_THROUGH, _LISTED, _READ, _OTHERS, _NOT_OTHERS = 0o711, 0o755, 0o444, 0o007, 0o7770


def open_doors(settings: Settings, generation: Path) -> None:
    """Close everything below HOME but what is published; then let others pass through HOME to a generation.

    `cases.duckdb` keeps the mode that it is sealed with: its owner and group alone.
    """
    for path in settings.home.iterdir():
        if path != settings.serving_dir:
            _close(path)
    for path in settings.serving_dir.iterdir():
        if not path.is_dir():
            _close(path)
    parquet = generation / PARQUET
    for folder in (settings.serving_dir, generation, parquet, *(path for path in parquet.rglob("*") if path.is_dir())):
        if folder.is_dir():
            os.chmod(folder, _LISTED | (folder.stat().st_mode & 0o2000))
    for file in (generation / PUBLICATION, *parquet.rglob("*.parquet")):
        if file.is_file():
            os.chmod(file, _READ)
    os.chmod(generation / DOORS["open"][0], DOORS["open"][1])
    os.chmod(settings.home, _PASSED_THROUGH)


def _close(path: Path) -> None:
    """Nobody but owner and group; what is closed is left alone, and may be another account's (`lost+found`)."""
    try:
        mode = path.stat(follow_symlinks=False).st_mode
        if not stat.S_ISLNK(mode) and mode & _OTHERS:
            os.chmod(path, mode & _NOT_OTHERS)
    except FileNotFoundError:  # a temporary file of somebody at work
        return
