"""Published files: closed to everybody who writes, and read without waiting for whoever has one open.

DuckDB locks a file's inode: a tool that opens a published file read-write, as many do by default, keeps every other
process out, even if it only reads. Then a private copy is read instead, and without the log that such a tool may have
left beside the file.

A mode does not stop root, but a log that cannot be made does: DuckDB writes what changes to `<file>.wal` first, and
where that is a link into a folder that is not there, a commit fails, whoever makes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect, first_line, literal
from orchestration.serving.generations import DOORS, Publication, has_stray_log, log_of, publications

#: Where the log of a sealed file leads: nowhere; DuckDB's error quotes the file, and `ls` shows this.
_NOWHERE = "sealed/a-published-file-is-not-written"


def seal(folder: Path) -> None:
    """Close a generation's files to change."""
    for file, mode in DOORS.values():
        (folder / file).chmod(mode)
        log_of(folder / file).symlink_to(_NOWHERE)


@contextmanager
def readable(settings: Settings, path: Path) -> Iterator[Path]:
    """A published file as it was sealed: itself, or a private copy if somebody holds it or has left a log beside it."""
    if not _is_held(path) and not has_stray_log(path):
        yield path
        return
    folder = private_dir(settings.scratch_dir / f"published-{uuid.uuid4().hex}")
    try:
        shutil.copyfile(path, folder / path.name)
        yield folder / path.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def as_this_version_publishes(refusal: type[Refusal]) -> Iterator[None]:
    """Reads columns by name: those of a generation that another version published may not be there.

    Raises:
        Refusal: of the type that is given, naming what is not there.
    """
    try:
        yield
    except duckdb.BinderException as error:
        raise refusal(
            f"What is published was made by another version of Ringfence, and is not as this one reads it: "
            f"{first_line(error)} `ringfence run` publishes it anew; `ringfence generations` shows what else there is."
        ) from None


def check_published(settings: Settings) -> str:
    """Look at every published file: is it sealed, and does it hold what was published and nothing else?

    Raises:
        PermissionError: naming each file that is not so.
    """
    kept = publications(settings)
    problems = [
        problem
        for publication in kept
        for door, (file, mode) in DOORS.items()
        if (path := settings.serving_dir / publication.generation / file).exists()
        for problem in _wrong_with(settings, publication, door, path, mode)
    ]
    if problems:
        raise PermissionError("\n".join(problems))
    return f"{len(kept)} generations, sealed"


def _wrong_with(settings: Settings, publication: Publication, door: str, path: Path, mode: int) -> Iterator[str]:
    if has_stray_log(path):
        yield f"{log_of(path)}: somebody has written here since it was published, and readers may see it; remove it"
    if path.stat().st_mode & 0o222:
        yield f"{path}: can be written to: chmod {mode:o} {path}"
    known = {entry.relation for entry in publication.relations if entry.door == door}
    with readable(settings, path) as file, connect(settings) as con:
        try:
            con.execute(f"attach {literal(str(file))} as published (read_only)")
        except duckdb.Error as error:
            yield f"{path}: cannot be read ({type(error).__name__})"
            return
        rows = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'published' "
            "and schema_name <> 'ops' order by all"
        ).fetchall()
    yield from (f"{path}: {name} was not published" for (name,) in rows if name not in known)


def _is_held(path: Path) -> bool:
    """Whether another process has a file open for writing."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
