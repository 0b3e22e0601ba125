"""What has to be built: a relation whose code, macros, reference rows, deliveries or parents are not those of its rows.

`pipeline.made_of` says of each relation what its rows were made of, in the transaction that wrote them; a model's
post-hook copies it from `pipeline.wanted`, which is written before dbt begins. So a kill leaves rows and what is said
of them or neither, and what is built without being wanted is said to be made of nobody knows what.

Two builds from the same are the same (rebuild equality), so what a relation is made of stands for its rows: `code` for
how they are made, all that it is built on included, `version` for the data as well. With another `code` an incremental
model is built whole; with the same and another `version` it reads what is pending. A view has no rows of its own, and
is made again only for other code, or columns of raw.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from orchestration.base.sql import columns_of, literal
from orchestration.contracts import Feed
from orchestration.warehouse.graph import REVISION, Graph
from orchestration.warehouse.made_of import MadeOf, digest
from orchestration.warehouse.nodes import Node

_MADE_OF = "model varchar not null, code varchar not null, version varchar, replaced varchar, was_whole boolean"
_TABLES = {
    "made_of": _MADE_OF,
    "wanted": f"{_MADE_OF}, is_tested_whole boolean",
    "same_rows": "model varchar not null, code varchar not null, as_code varchar not null",
    "duration": "model varchar not null, is_whole boolean not null, seconds double not null",
    "revision_built": "stage varchar not null, feed varchar not null, dt date not null, rev integer not null",
}


@dataclass(frozen=True)
class Due:
    """A node to build: whole, or only what is pending; `because` says of what it is made that it was not before."""

    node: Node
    is_whole: bool
    because: tuple[str, ...]
    is_of_other_code: bool = False


@dataclass
class Plan:
    """What is due, parents first, and of every node of the graph what its rows are going to be made of."""

    due: dict[str, Due] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    #: The code for which this one stands: its own, unless it was seen to make the same rows as another.
    stands_for: dict[str, str] = field(default_factory=dict)
    #: The same of the code of the rows that are there before the build.
    stood_for: dict[str, str] = field(default_factory=dict)
    version: dict[str, str] = field(default_factory=dict)
    #: What stands for the rows that a reader of the node sees; of a view, those that it shows.
    shows: dict[str, str] = field(default_factory=dict)
    #: The same, told by the very code that made them.
    rows: dict[str, str] = field(default_factory=dict)
    #: `rows` before its last build, or the coming one, if only what is touched was built then; else None.
    showed: dict[str, str | None] = field(default_factory=dict)
    #: Versions that are there before the build.
    replaced: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Made:
    code: str
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


def plan(
    con: duckdb.DuckDBPyConnection,
    graph: Graph,
    made_of: MadeOf,
    feeds: Mapping[str, Feed],
    raw: Mapping[str, str],
    held: Collection[str] = (),
) -> Plan:
    """What is due over `raw` (`raw_versions`); what is `held` stays as it is, for its readers too."""
    recorded = _recorded(con)
    same = _same_rows(con)
    there = existing(con)
    found = Plan()
    for node in graph.in_order():
        parents, sources = graph.made_from(node)
        is_view, known = node.is_view, recorded.get(node.name)
        parts = made_of.parts(node.unique_id)
        if is_view:
            parts |= {f"columns of {feed}": feeds[feed].fingerprint for feed in sources if feed in feeds}
        parts |= {f"parent {parent.name}": digest(found.stands_for.get(parent.name)) for parent in parents}
        code = json.dumps(parts, sort_keys=True)
        if node.name in held:
            code = known.code if known else ""
        stands_for = _stands_for(same.get(node.name), code)
        deliveries = [raw.get(feed) for feed in sources]
        shows, rows = (
            digest(by, [of.get(parent.name) for parent in parents] + deliveries)
            for by, of in ((stands_for, found.shows), (code, found.rows if is_view else found.shows))
        )
        version = digest(code) if is_view or not (parents or sources) else rows
        if node.name in held:
            version = (known.version if known else None) or ""
            shows, rows = (shows, rows) if is_view else (version, version)
        found.code[node.name], found.stands_for[node.name] = code, stands_for
        found.version[node.name], found.shows[node.name], found.rows[node.name] = version, shows, rows
        if known:
            found.stood_for[node.name] = _stands_for(same.get(node.name), known.code)
        if node.name not in held:
            because = _because(known, parts, version, exists=node.relation in there)
            if because is not None:
                is_as_made = known and known.code == code and node.relation in there
                is_of_other_code = bool(known and known.code != code and node.relation in there)
                found.due[node.name] = Due(node, not (is_as_made and node.is_incremental), because, is_of_other_code)
        found.replaced[node.name] = known.version if known else None
        found.showed[node.name] = _showed(found, node, known, parents if not sources else [])
    return found


def _showed(plan: Plan, node: Node, known: _Made | None, parents: Sequence[Node]) -> str | None:
    if known is None or known.code != plan.code[node.name]:
        return None
    if node.is_view:  # shows the rows of what it reads, if that is one relation
        showed = [plan.showed.get(parent.name) for parent in parents]
        return digest(known.code, showed) if len(showed) == 1 and showed[0] else None
    if node.name in plan.due:
        return None if plan.due[node.name].is_whole else known.version
    return None if known.was_whole else known.replaced


def want(con: duckdb.DuckDBPyConnection, plan: Plan, are_tested_whole: Mapping[str, bool]) -> None:
    """Say what these nodes are going to be made of, for the hooks that run when they are, and for their tests.

    A key test looks at all rows of what is tested whole, and else at those that the run has touched.
    """
    con.execute("begin")
    con.execute("delete from pipeline.wanted")
    for name, is_tested_whole in are_tested_whole.items():
        is_whole = name in plan.due and plan.due[name].is_whole
        said = [name, plan.code[name], plan.version[name], plan.replaced[name], is_whole, is_tested_whole]
        con.execute("insert into pipeline.wanted values ($1, $2, $3, $4, $5, $6)", said)
    con.execute("commit")


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


def _recorded(con: duckdb.DuckDBPyConnection) -> dict[str, _Made]:
    rows = con.execute("select model, code, version, replaced, was_whole from pipeline.made_of").fetchall()
    return {model: _Made(*made) for model, *made in rows}


def _same_rows(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """By model, the code that was last seen to make the same rows as another, and for what it stands."""
    try:
        rows = con.execute("select model, code, as_code from pipeline.same_rows").fetchall()
    except duckdb.CatalogException:  # of an earlier version, asked for a plan
        return {}
    return {model: (code, as_code) for model, code, as_code in rows}


def _stands_for(same: tuple[str, str] | None, code: str) -> str:
    """For what a node's code stands; other code, the one before included, stands for nothing that was there before.

    What made the same rows once need not do so after further deliveries.
    """
    if same is None:
        return code
    return same[1] if same[0] == code else digest(code, same[1])


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


def _because(known: _Made | None, parts: Mapping[str, str], version: str, *, exists: bool) -> tuple[str, ...] | None:
    """What is not as it was; None if everything is."""
    if not known or not exists:
        return ("never built",)
    before: dict[str, Any] = json.loads(known.code or "{}")
    changed = [name for name in parts.keys() | before.keys() if parts.get(name) != before.get(name)]
    if changed:
        return tuple(sorted(changed, key=lambda name: (name.startswith("parent "), name)))
    if known.version != version:
        return ("deliveries",) if known.version else ("other pseudonyms",)
    return None
