"""A published database that goes on from the one before it: only what has changed is written, and looked at again.

The file is cloned, which costs no more than its blocks, and not even these where the file system lets files share them.
What was made of the same stays as it is. Of a relation of which a build has replaced the rows of some keys, these are
replaced here. Everything else is written anew, into blocks that the last publication has given up; where that is more
than half of all rows, so is the file, which makes it as small as can be.

An erasure rewrites whole files, so that no freed block keeps a trace (`rights/rekey`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.content import Content, content_of
from orchestration.base.files import clone
from orchestration.base.sql import identifier, literal
from orchestration.warehouse.shown import Shown

#: The door whose file goes on: it holds the lines, where the other's few megabytes are written anew.
CONTINUED = "restricted"


@dataclass(frozen=True)
class Replaced:
    """The rows of a relation that are not those of the generation before: a condition, and their content."""

    where: str
    content: Content


#: Relations of a file that goes on whose rows are those of the generation before, all or all but some.
Kept = Mapping[str, Replaced | None]


def go_on(con: duckdb.DuckDBPyConnection, before: Path, path: Path) -> None:
    """Attach `path` as a clone of the file before."""
    clone(before, path)
    os.chmod(path, 0o600)
    con.execute(f"attach {literal(str(path))} as {CONTINUED}")


def replace_touched(
    con: duckdb.DuckDBPyConnection, relation: str, origin: str, shown: Shown, before: Content
) -> tuple[Content, Replaced]:
    """Replace the rows of the touched keys by those of `origin`; what the relation holds then, and which were replaced.

    `before` is what it held.
    """
    target = f"{CONTINUED}.{relation}"
    where = f"{identifier(str(shown.key))} in ({shown.keys})"
    gone = content_of(con, f"(select * from {target} where {where})")
    con.execute("begin")
    con.execute(f"delete from {target} where {where}")
    con.execute(f"insert into {target} by name select * from {origin} where {where}")
    con.execute("commit")
    come = content_of(con, f"(select * from {origin} where {where})")
    return before - gone + come, Replaced(where, come)


def drop_others(con: duckdb.DuckDBPyConnection, relations: set[str]) -> None:
    """Drop what the generation before had and this one has not."""
    rows = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = $1", [CONTINUED]
    ).fetchall()
    for schema, name in rows:
        if f"{schema}.{name}" not in relations:
            con.execute(f"drop table {CONTINUED}.{identifier(schema)}.{identifier(name)}")
