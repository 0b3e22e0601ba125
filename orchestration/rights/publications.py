"""Other pseudonyms in what has been published: every generation kept, behind both doors.

The Parquet files beside the open file need no look: a publication with a pseudonym in the open file is never switched
to (`serving/verify`).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.content import content_of
from orchestration.base.files import write_durably
from orchestration.base.settings import Settings
from orchestration.base.sql import literal
from orchestration.privacy.swap import Swap
from orchestration.rights.rekey import database_holds, rekey_database
from orchestration.serving.build import STORAGE_VERSION
from orchestration.serving.generations import DOORS, PUBLICATION, Publication, publications, unfinished
from orchestration.serving.sealed import readable
from orchestration.serving.taken_files import write_file


@dataclass(frozen=True)
class Rewritten:
    """A file, where its new version was built, and how many of its rows changed a pseudonym."""

    path: Path
    new: Path
    rows: int


def rekey_publications(con: duckdb.DuckDBPyConnection, settings: Settings, swap: Swap) -> list[Rewritten]:
    """Write the new versions of the published files with a pseudonym of `rekeyed`, and of the checksums in others."""
    kept = publications(settings)
    done: list[Rewritten] = []
    checksums: dict[tuple[str, str, str], str] = {}
    for publication in kept:
        folder = settings.serving_dir / publication.generation
        changed = {door: _rekeyed(con, settings, swap, folder / file) for door, (file, _) in DOORS.items()}
        done += [rewritten for rewritten in changed.values() if rewritten]
        for entry in publication.relations:
            if rewritten := changed.get(entry.door):
                name = (publication.generation, entry.relation, entry.door)
                checksums[name] = _checksum(con, rewritten.new, entry.relation)
                if entry.file:
                    done.append(Rewritten(folder / entry.file, swap.new(folder / entry.file), 0))
                    write_file(con, rewritten.new, entry.relation, done[-1].new)
    for publication in kept:
        done += _with_checksums(con, settings, swap, publication, checksums, {one.path: one.new for one in done})
    for folder in unfinished(settings):
        swap.remove(folder)
    for one in done:
        os.chmod(one.new, one.path.stat().st_mode & 0o777)
    return done


def _rekeyed(con: duckdb.DuckDBPyConnection, settings: Settings, swap: Swap, path: Path) -> Rewritten | None:
    if not path.exists():
        return None
    with readable(settings, path) as sealed:
        if not database_holds(con, sealed):
            return None
        new = swap.new(path)
        return Rewritten(path, new, rekey_database(con, sealed, new, STORAGE_VERSION))


def _with_checksums(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    swap: Swap,
    publication: Publication,
    checksums: dict[tuple[str, str, str], str],
    rewritten: dict[Path, Path],
) -> list[Rewritten]:
    """The generation's own list of checksums, and `ops.publication` in its open file, which lists earlier ones too."""
    folder = settings.serving_dir / publication.generation
    done = []
    for entry in publication.relations:
        name = (publication.generation, entry.relation, entry.door)
        if name in checksums:
            entry.checksum, entry.hash_sum = checksums[name], None  # the next generation writes it anew
    if any(generation == publication.generation for generation, *_ in checksums):
        new = swap.new(folder / PUBLICATION)
        write_durably(new, json.dumps(publication.model_dump(mode="json"), indent=1).encode())
        done.append(Rewritten(folder / PUBLICATION, new, 0))
    path = folder / DOORS["open"][0]
    if not checksums or not path.exists():
        return done
    if path not in rewritten:
        rewritten[path] = swap.new(path)
        with readable(settings, path) as sealed:
            rekey_database(con, sealed, rewritten[path], STORAGE_VERSION)
        done.append(Rewritten(path, rewritten[path], 0))
    con.execute(f"attach {literal(str(rewritten[path]))} as published")
    con.executemany(
        "update published.ops.publication set checksum = $1 where generation = $2 and relation = $3 and door = $4",
        [[value, *name] for name, value in checksums.items()],
    )
    con.execute("checkpoint published")
    con.execute("detach published")
    return done


def _checksum(con: duckdb.DuckDBPyConnection, path: Path, relation: str) -> str:
    con.execute(f"attach {literal(str(path))} as published (read_only)")
    try:
        return content_of(con, f"published.{relation}").checksum
    finally:
        con.execute("detach published")
