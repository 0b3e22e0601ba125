"""What the warehouse says of its own relations, in schema `pipeline`: what they were made of, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from orchestration.base.sql import columns_of, literal
from orchestration.warehouse.graph import REVISION
from orchestration.warehouse.made_of import digest

_MADE_OF = "model varchar not null, code varchar not null, version varchar, replaced varchar, was_whole boolean"
_TABLES = {
    "made_of": _MADE_OF,
    "wanted": f"{_MADE_OF}, is_tested_whole boolean",
    "same_rows": "model varchar not null, code varchar not null, as_code varchar not null",
    "duration": "model varchar not null, is_whole boolean not null, seconds double not null",
    "revision_built": "stage varchar not null, feed varchar not null, dt date not null, rev integer not null",
}


@dataclass(frozen=True)
class SameRows:
    """A code of a relation that was seen to make the same rows as the code before, for which it stands since."""

    code: str
    as_code: str

    def seen(self, code: str) -> str:
        """For what a code stands; other code, the one before included, stands for nothing that was there before.

        What made the same rows once need not do so after further deliveries.
        """
        return self.as_code if code == self.code else digest(code, self.as_code)


@dataclass(frozen=True)
class Recorded:
    """What the rows of a relation were made of, the code as its readers have seen it, and what they replaced.

    `replaced` is the version before their last build, which `was_whole` or took in what was pending alone.
    """

    code: str
    code_seen: str
    version: str | None
    replaced: str | None
    was_whole: bool | None


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that say what relations are made of; of another version's, nothing is known, and all is built."""
    con.execute("create schema if not exists pipeline")
    for name, columns in _TABLES.items():
        con.execute(f"create temp table wanted_columns ({columns})")
        con.execute(f"create table if not exists pipeline.{name} ({columns})")
        if [*columns_of(con, f"pipeline.{name}")] != [*columns_of(con, "wanted_columns")]:
            con.execute(f"create or replace table pipeline.{name} ({columns})")
        con.execute("drop table wanted_columns")
    con.execute("drop table if exists pipeline.built_from")  # of versions that built everything from whatever changed


def recorded(con: duckdb.DuckDBPyConnection, same_rows: Mapping[str, SameRows]) -> dict[str, Recorded]:
    """What is said of the rows that are there, by relation."""
    rows = con.execute("select model, code, version, replaced, was_whole from pipeline.made_of").fetchall()
    return {model: Recorded(code, code_seen(same_rows.get(model), code), *rest) for model, code, *rest in rows}


def read_same_rows(con: duckdb.DuckDBPyConnection) -> dict[str, SameRows]:
    """Codes that were seen to make the same rows as others, by relation."""
    try:
        rows = con.execute("select model, code, as_code from pipeline.same_rows").fetchall()
    except duckdb.CatalogException:  # of an earlier version, asked for a plan
        return {}
    return {model: SameRows(*same) for model, *same in rows}


def note_same_rows(con: duckdb.DuckDBPyConnection, same_rows: Mapping[str, SameRows]) -> None:
    """Note codes that were seen to make the same rows as others, by relation."""
    con.execute("begin")
    for name, same in same_rows.items():
        con.execute("delete from pipeline.same_rows where model = $1", [name])
        con.execute("insert into pipeline.same_rows values ($1, $2, $3)", [name, same.code, same.as_code])
    con.execute("commit")


def code_seen(same: SameRows | None, code: str) -> str:
    """A relation's code as its readers see it: by that for which it stands."""
    return same.seen(code) if same else code


def note_durations(con: duckdb.DuckDBPyConnection, seconds: Mapping[str, tuple[bool, float]]) -> None:
    """Remember how long nodes took, built whole or not."""
    con.execute("begin")
    for name, (is_whole, took) in seconds.items():
        con.execute("delete from pipeline.duration where model = $1 and is_whole = $2", [name, is_whole])
        con.execute("insert into pipeline.duration values ($1, $2, $3)", [name, is_whole, took])
    con.execute("commit")


def durations(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, bool], float]:
    """How long each node took last, in seconds, by its name and whether it was built whole."""
    rows = con.execute("select model, is_whole, seconds from pipeline.duration").fetchall()
    return {(model, is_whole): seconds for model, is_whole, seconds in rows}


def existing(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Relations of the warehouse, schema first."""
    rows = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() union all "
        "select schema_name || '.' || view_name from duckdb_views() where not internal"
    ).fetchall()
    return {name for (name,) in rows}


def raw_versions(con: duckdb.DuckDBPyConnection, revisions: str = "raw.revision") -> dict[str, str]:
    """What stands for the rows of each feed that has arrived: its accepted revisions, and which are in force.

    And for the list of all deliveries, which also says when they came.
    """
    return dict(
        con.execute(
            f"""
            select feed, md5(string_agg(concat_ws(':', dt, rev, is_current), ',' order by dt, rev))
            from {revisions} group by feed
            union all
            select {literal(REVISION)}, md5(string_agg(deliveries::varchar, ',' order by feed, dt, rev))
            from {revisions} as deliveries
            """
        ).fetchall()
    )
