"""Generations on disk: `serving/<generation>/` folders, and the link `serving/current` onto one of them.

A generation is published once readers have been pointed at it. Who is killed between naming a folder and switching to
it leaves one that nobody has seen: it is newer than all that were, and counts as unfinished.
"""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel

from orchestration.base.files import locked, write_durably
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.warehouse.nodes import Node

PUBLICATION = "publication.json"
PARQUET = "parquet"
#: Tag of a mart → the file that holds it, and that file's mode.
DOORS = {"open": ("marts.duckdb", 0o444), "restricted": ("cases.duckdb", 0o440)}
_CURRENT = "current"
#: Names the newest generation that readers have seen, though they may have been pointed back at an earlier one.
_NEWEST = ".newest"
_UNFINISHED = ".building-"


class PublishedRelation(BaseModel):
    """One relation of a generation, behind one door: one with small groups stands behind both, whole and without them.

    `data_through` is the newest extract date in it; `held_back_by` names the closed gates because of which it is
    still the previous version, and is empty for a fresh one. `rests_on_accepted` names the failures that somebody let
    through and that would have held it back. `made_of` stands for what its rows and comments were made of: with the
    same, the next generation takes them from this one. `hash_sum` is what the checksum is made of; generations of
    earlier versions have none. `file` is its name as a file of its own, if it is one, too.
    """

    relation: str
    door: str
    rows: int
    checksum: str
    hash_sum: str | None = None
    data_through: date | None
    held_back_by: list[str] = []
    rests_on_accepted: list[str] = []
    made_of: str | None = None
    file: str | None = None


class Publication(BaseModel):
    """What a generation holds and what it rests on; `engine` is what ran the models.

    `inputs` stands for what a run would make it of; one that was published by hand says only that.
    """

    generation: str
    run_id: str
    git_commit: str | None
    published_at: datetime
    inputs: str
    relations: list[PublishedRelation]
    missing: dict[str, list[str]] = {}
    engine: str = "duckdb"

    @property
    def held_back(self) -> dict[str, list[str]]:
        """Relations that a gate holds back, published or not yet ever, each with the gates."""
        held = {entry.relation: entry.held_back_by for entry in self.relations if entry.held_back_by}
        return held | self.missing

    @property
    def rests_on_accepted(self) -> dict[str, list[str]]:
        """Relations that would have been held back, had nobody accepted these failures."""
        return {entry.relation: entry.rests_on_accepted for entry in self.relations if entry.rests_on_accepted}


class NoGenerationError(Refusal):
    """There is no such generation."""


def doors(node: Node) -> tuple[str, ...]:
    """Doors behind which a mart stands, the one with its exact version first."""
    if "open" not in node.tags:
        return ("restricted",)
    return ("restricted", "open") if node.small_groups else ("open",)


def current_dir(settings: Settings) -> Path | None:
    """The folder that readers see, or None before the first publication."""
    link = settings.serving_dir / _CURRENT
    return link.resolve() if link.exists() else None


def current_file(settings: Settings, door: str) -> Path | None:
    """The file that readers at a door see, or None before the first publication."""
    folder = current_dir(settings)
    return folder / DOORS[door][0] if folder else None


def current_publication(settings: Settings) -> Publication | None:
    """What readers see."""
    folder = current_dir(settings)
    return _read(folder) if folder else None


def published_before(settings: Settings) -> dict[tuple[str, str], PublishedRelation]:
    """What readers see, by relation and door; nothing before the first publication."""
    previous = current_publication(settings)
    return {(entry.relation, entry.door): entry for entry in previous.relations} if previous else {}


def publications(settings: Settings) -> list[Publication]:
    """All generations kept, oldest first."""
    kept: list[Publication] = []
    seen, _ = _named(settings)
    for folder in seen:
        try:
            kept.append(_read(folder))
        except FileNotFoundError:  # removed since, after a publication
            continue
    return kept


def _named(settings: Settings) -> tuple[list[Path], list[Path]]:
    """Folders of generations, oldest first: those that readers have seen, and those that nobody was pointed at."""
    found = (path.parent for path in settings.serving_dir.glob(f"[!.]*/{PUBLICATION}"))
    folders = sorted(folder for folder in found if not folder.is_symlink())
    newest = _newest(settings)
    return [one for one in folders if one.name <= newest], [one for one in folders if one.name > newest]


def _newest(settings: Settings) -> str:
    now, note = current_dir(settings), settings.serving_dir / _NEWEST
    return max(now.name if now else "", note.read_text("utf-8") if note.exists() else "")


def log_of(path: Path) -> Path:
    """Where DuckDB would write what changes in a file."""
    return path.with_name(f"{path.name}.wal")


def has_stray_log(path: Path) -> bool:
    """Whether somebody has left a log beside a published file: its readers would be shown what is in it."""
    return log_of(path).exists()


def switch(settings: Settings, generation: str) -> None:
    """Make a generation the current one, in one rename: a reader sees the old one or the new one.

    Raises:
        NoGenerationError: if it is not there, or somebody has written beside it what its readers would be shown.
    """
    with _switching(settings):
        if not (settings.serving_dir / generation / PUBLICATION).exists():
            raise NoGenerationError(f"There is no generation {generation!r}; `ringfence generations` lists them.")
        for file, _ in DOORS.values():
            if has_stray_log(path := settings.serving_dir / generation / file):
                raise NoGenerationError(f"{log_of(path)}: somebody has written here since it was published. Remove it.")
        write_durably(settings.serving_dir / _NEWEST, _newest(settings).encode())
        for left in settings.serving_dir.glob(f".{_CURRENT}-*"):  # by somebody who was killed
            left.unlink()
        link = settings.serving_dir / f".{_CURRENT}-next"
        link.symlink_to(generation, target_is_directory=True)
        os.replace(link, settings.serving_dir / _CURRENT)


def _switching(settings: Settings) -> AbstractContextManager[int]:
    """Nobody else switches or removes: what is switched to stays, and a link that is there was left by a kill."""
    return locked(private_dir(settings.scratch_dir) / ".switch.lock")


def rollback(settings: Settings, to: str | None = None) -> Publication:
    """Switch back to the generation before the current one, or to a named one.

    Raises:
        NoGenerationError: if it is not there.
    """
    kept = [publication.generation for publication in publications(settings)]
    now = current_publication(settings)
    if to is None:
        earlier = [generation for generation in kept if now and generation < now.generation]
        if not earlier:
            raise NoGenerationError("There is no generation before the current one.")
        to = earlier[-1]
    switch(settings, to)
    return _read(settings.serving_dir / to)


def building_dir(settings: Settings, generation: str) -> Path:
    """Where a generation is built, and where it goes before it is removed: it is whole, or none."""
    return settings.serving_dir / f"{_UNFINISHED}{generation}"


def unfinished(settings: Settings) -> list[Path]:
    """Generations that somebody was killed over while they were built, switched to or removed."""
    _, never_seen = _named(settings)
    return [*sorted(settings.serving_dir.glob(f"{_UNFINISHED}*")), *never_seen]


def prune(settings: Settings) -> list[str]:
    """Remove the oldest generations beyond the number kept, never the current one; return what went.

    What is unfinished goes as well: nobody else may be publishing.
    """
    with _switching(settings):
        now = current_dir(settings)
        seen, never_seen = _named(settings)
        gone = [folder.name for folder in seen[: -settings.keep_generations] if folder != now]
        for name in [*gone, *(folder.name for folder in never_seen)]:
            (settings.serving_dir / name).rename(building_dir(settings, name))
    for folder in unfinished(settings):
        shutil.rmtree(folder)
    return gone


def _read(folder: Path) -> Publication:
    return Publication.model_validate_json((folder / PUBLICATION).read_bytes())
