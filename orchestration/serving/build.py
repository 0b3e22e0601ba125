"""Copying relations into the files of a generation: fresh ones from the warehouse, held-back ones from the last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect, identifier, literal
from orchestration.ingest.receipt import Receipt, in_force
from orchestration.serving.generations import (
    DOORS,
    PARQUET,
    PublishedRelation,
    current_dir,
    current_publication,
    doors,
)
from orchestration.serving.sealed import readable
from orchestration.serving.small_groups import FLAG, FLAG_DESCRIPTION, without_small_groups
from orchestration.warehouse.due import versions_shown
from orchestration.warehouse.graph import Graph, Node
from orchestration.warehouse.stage import resting_on_accepted

#: Old enough for the drivers in BI tools.
STORAGE_VERSION = "v1.2.0"


@dataclass(frozen=True)
class _Source:
    """Where a relation of the new generation comes from: a catalogue attached to the building connection."""

    catalog: str
    data_through: date | None
    held_back_by: tuple[str, ...]
    rests_on_accepted: tuple[str, ...]
    #: What its rows in the warehouse were made of; None if nobody knows.
    version: str | None = None


def build(
    settings: Settings, graph: Graph, building: Path, receipts: Sequence[Receipt], held: Mapping[str, Sequence[str]]
) -> tuple[list[PublishedRelation], dict[str, list[str]]]:
    """Write the files of a generation; return what is in them, and what is not, with the gates that hold it back.

    `held` are the models that gates hold back, each with what holds it.

    A relation's checksum is that of what it was copied from; `verify` compares it with what was written. What is made
    of the same as in the generation before is taken from there with its checksum, and neither made nor read again.
    """
    relations: list[PublishedRelation] = []
    missing: dict[str, list[str]] = {}
    with ExitStack() as opened, connect(settings) as con:
        _attach(con, settings, building, opened)
        before = _published_before(settings)
        for node, source in _sources(con, settings, graph, receipts, held):
            if isinstance(source, _Source):
                relations += _copies(con, settings, node, source, before)
            else:
                missing[node.relation] = source
        _write_parquet(con, settings, building, relations)
        for door in DOORS:
            con.execute(f"checkpoint {door}")
    return relations, missing


def parquet_file(folder: Path, relation: str) -> Path:
    """Where a generation keeps an open relation as Parquet."""
    schema, name = relation.split(".")
    return folder / PARQUET / schema / f"{name}.parquet"


def checksum(con: duckdb.DuckDBPyConnection, rows: str) -> tuple[int, str]:
    """Number of rows of a relation (or of a query in brackets), and a hash of their content in whatever order."""
    row = con.execute(f"select count(*), coalesce(sum(hash(rows)), 0)::varchar from {rows} as rows").fetchone()
    assert row is not None
    return row[0], hashlib.sha256(row[1].encode()).hexdigest()[:16]


def _attach(con: duckdb.DuckDBPyConnection, settings: Settings, building: Path, opened: ExitStack) -> None:
    con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
    previous = current_dir(settings)
    for door, (file, _) in DOORS.items():
        con.execute(f"attach {literal(str(building / file))} as {door} (storage_version {literal(STORAGE_VERSION)})")
        if previous:
            sealed = opened.enter_context(readable(settings, previous / file))
            con.execute(f"attach {literal(str(sealed))} as previous_{door} (read_only)")


def _sources(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    graph: Graph,
    receipts: Sequence[Receipt],
    held: Mapping[str, Sequence[str]],
) -> Iterator[tuple[Node, _Source | list[str]]]:
    """Each mart with where it comes from, or with the gates that hold back the first version that there would be."""
    accepted = resting_on_accepted(settings, graph)
    before = _published_before(settings)
    versions = versions_shown(con, graph)
    built = {row[0] for row in con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'warehouse' union all "
            "select schema_name || '.' || view_name from duckdb_views() where database_name = 'warehouse'"
    ).fetchall()}  # fmt: skip
    through = _newest_dt(receipts)
    for node in graph.published():
        holders, kept = held.get(node.name, []), before.get((node.relation, doors(node)[0]))
        if not holders and node.relation in built:
            newest_dt = max((through[feed] for feed in graph.feeds_of(node) if feed in through), default=None)
            accepted_by = tuple(accepted.get(node.name, ()))
            yield node, _Source("warehouse", newest_dt, (), accepted_by, versions.get(node.name))
        elif kept:
            catalog = f"previous_{kept.door}"
            yield node, _Source(catalog, kept.data_through, tuple(holders), tuple(kept.rests_on_accepted))
        else:
            yield node, list(holders)


def _published_before(settings: Settings) -> Mapping[tuple[str, str], PublishedRelation]:
    previous = current_publication(settings)
    return {(entry.relation, entry.door): entry for entry in previous.relations} if previous else {}


def _copies(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    node: Node,
    source: _Source,
    before: Mapping[tuple[str, str], PublishedRelation],
) -> Iterator[PublishedRelation]:
    """The exact version behind its door; and, if that is not the open one, a version without small groups there."""
    origin = f"{source.catalog}.{node.relation}"
    for number, door in enumerate(doors(node)):
        rows = origin
        if number:
            rows = f"({without_small_groups(node, origin, columns_of(con, origin), settings.small_group_threshold)})"
        kept = before.get((node.relation, door))
        made_of = _made_of(node, source, rows) if source.version else None
        if kept and made_of and kept.made_of == made_of:
            yield _copy(
                con, node, door, source, f"previous_{door}.{node.relation}", (kept.rows, kept.checksum), made_of
            )
            continue
        if number:  # made once, and read twice
            con.execute(f"create or replace temp table derived as select * from {rows}")
            rows = "derived"
        if source.held_back_by and kept:
            made_of = kept.made_of
        yield _copy(con, node, door, source, rows, None, made_of)


def _made_of(node: Node, source: _Source, rows: str) -> str:
    """What stands for the rows of a relation behind a door, and for what is said of them."""
    said = [node.description, *(f"{column.name}: {column.description}" for column in node.columns)]
    return hashlib.sha256("\0".join([str(source.version), rows, *said]).encode()).hexdigest()[:20]


def _copy(
    con: duckdb.DuckDBPyConnection,
    node: Node,
    door: str,
    source: _Source,
    rows: str,
    known: tuple[int, str] | None,
    made_of: str | None,
) -> PublishedRelation:
    """Write a relation and its comments; `known` are its count and checksum, if these need not be taken again."""
    target = f"{door}.{node.relation}"
    con.execute("begin")  # one write to the disk for a table and all its comments
    con.execute(f"create schema if not exists {door}.{identifier(node.schema)}")
    con.execute(f"create table {target} as select * from {rows}")
    con.execute(f"comment on table {target} is {literal(node.description)}")
    comments = {column.name: column.description for column in node.columns} | {FLAG: FLAG_DESCRIPTION}
    for name in columns_of(con, target).keys() & comments.keys():
        con.execute(f"comment on column {target}.{identifier(name)} is {literal(comments[name])}")
    con.execute("commit")
    count, content = known or checksum(con, rows)
    return PublishedRelation(
        relation=node.relation, door=door, rows=count, checksum=content, data_through=source.data_through,
        held_back_by=list(source.held_back_by), rests_on_accepted=list(source.rests_on_accepted), made_of=made_of,
        file=node.file,
    )  # fmt: skip


def _write_parquet(
    con: duckdb.DuckDBPyConnection, settings: Settings, building: Path, relations: list[PublishedRelation]
) -> None:
    """Every open relation as a file of its own; where the content is the last generation's, so is the file."""
    before, folder = _published_before(settings), current_dir(settings)
    for entry in relations:
        if entry.door != "open":
            continue
        path = parquet_file(building, entry.relation)
        path.parent.mkdir(parents=True, exist_ok=True)
        earlier = parquet_file(folder, entry.relation) if folder else None
        if (
            earlier
            and earlier.exists()
            and (kept := before.get((entry.relation, "open")))
            and kept.checksum == entry.checksum
        ):
            os.link(earlier, path)
        else:
            con.execute(f"copy open.{entry.relation} to {literal(str(path))} (format parquet, compression zstd)")


def _newest_dt(receipts: Sequence[Receipt]) -> Mapping[str, date]:
    found: dict[str, date] = {}
    for receipt in in_force(receipts):
        found[receipt.feed] = max(receipt.dt, found.get(receipt.feed, receipt.dt))
    return found
