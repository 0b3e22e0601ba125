"""Marts that other machines take as a file: restricted ones with `meta.file`, beside the databases of a generation."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect, literal
from orchestration.serving.generations import DOORS, Publication


def write_files(settings: Settings, folder: Path, publication: Publication) -> None:
    """Write each from the generation's restricted database, with the same mode: its owner and group read it."""
    database, mode = DOORS["restricted"]
    with connect(settings) as con:
        for entry in publication.relations:
            if entry.file:
                write_file(con, folder / database, entry.relation, folder / entry.file)
                (folder / entry.file).chmod(mode)


def write_file(con: duckdb.DuckDBPyConnection, database: Path, relation: str, path: Path) -> None:
    """A relation of a published database as a CSV file, in the order of its columns."""
    con.execute(f"attach {literal(str(database))} as taken (read_only)")
    try:
        con.execute(f"copy (from taken.{relation} order by all) to {literal(str(path))} (format csv, header)")
    finally:
        con.execute("detach taken")
