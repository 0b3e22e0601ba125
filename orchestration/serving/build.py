"""Copying relations into the files of a generation: fresh ones from the warehouse, held-back ones from the last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect, identifier, literal
from orchestration.ingest.receipt import Receipt, in_force
from orchestration.serving.continued import CONTINUED, Kept, Replaced, drop_others, go_on, replace_touched
from orchestration.serving.generations import (
    DOORS,
    PARQUET,
    PublishedRelation,
    current_dir,
    current_publication,
    doors,
)
from orchestration.serving.rows import Content, content_of
from orchestration.serving.sealed import readable
from orchestration.serving.small_groups import FLAG, FLAG_DESCRIPTION, without_small_groups
from orchestration.warehouse.graph import Graph, Node
from orchestration.warehouse.shown import Shown, rows_shown
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
    #: What stands for its rows in the warehouse; None if nobody knows.
    shown: Shown | None = None


@dataclass(frozen=True)
class Built:
    """What was written: relations, and those that are not there, each with the gates that hold it back.

    `kept` are relations behind `CONTINUED` whose rows are those of the generation before.
    """

    relations: list[PublishedRelation]
    missing: dict[str, list[str]]
    kept: Kept


def build(
    settings: Settings, graph: Graph, building: Path, receipts: Sequence[Receipt], held: Mapping[str, Sequence[str]]
) -> Built:
    """Write the files of a generation; `held` are the models that gates hold back, each with what holds it.

    A relation's checksum is that of what it was copied from; `verify` compares it with what was written. What is made
    of the same as in the generation before is taken from there with its checksum, and neither made nor read again.
    """
    relations: list[PublishedRelation] = []
    missing: dict[str, list[str]] = {}
    with ExitStack() as opened, connect(settings) as con:
        continued = _attach(con, settings, building, opened)
        writing = _Writing(con, settings, _published_before(settings), continued, {})
        for node, source in _sources(con, settings, graph, receipts, held):
            if isinstance(source, _Source):
                relations += writing.copies(node, source)
            else:
                missing[node.relation] = source
        if continued:
            drop_others(con, {entry.relation for entry in relations if entry.door == CONTINUED})
        _write_parquet(con, settings, building, relations)
        for door in DOORS:
            con.execute(f"checkpoint {door}")
    return Built(relations, missing, writing.kept)


def parquet_file(folder: Path, relation: str) -> Path:
    """Where a generation keeps an open relation as Parquet."""
    schema, name = relation.split(".")
    return folder / PARQUET / schema / f"{name}.parquet"


def _attach(con: duckdb.DuckDBPyConnection, settings: Settings, building: Path, opened: ExitStack) -> bool:
    """Open what is read and what is written; whether the file behind `CONTINUED` goes on from the one before."""
    con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
    previous, continued = current_dir(settings), False
    for door, (file, _) in DOORS.items():
        if previous:
            sealed = opened.enter_context(readable(settings, previous / file))
            con.execute(f"attach {literal(str(sealed))} as previous_{door} (read_only)")
            if door == CONTINUED and go_on(con, sealed, building / file):
                continued = True
                continue
        con.execute(f"attach {literal(str(building / file))} as {door} (storage_version {literal(STORAGE_VERSION)})")
    return continued


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
    shown = rows_shown(con, graph)
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
            yield node, _Source("warehouse", newest_dt, (), accepted_by, shown.get(node.name))
        elif kept:
            catalog = f"previous_{kept.door}"
            yield node, _Source(catalog, kept.data_through, tuple(holders), tuple(kept.rests_on_accepted))
        else:
            yield node, list(holders)


def _published_before(settings: Settings) -> Mapping[tuple[str, str], PublishedRelation]:
    previous = current_publication(settings)
    return {(entry.relation, entry.door): entry for entry in previous.relations} if previous else {}


@dataclass(frozen=True)
class _Writing:
    """The relations of a generation as they are written; `kept` are those that stay what they were before."""

    con: duckdb.DuckDBPyConnection
    settings: Settings
    before: Mapping[tuple[str, str], PublishedRelation]
    continued: bool
    kept: dict[str, Replaced | None]

    def copies(self, node: Node, source: _Source) -> Iterator[PublishedRelation]:
        """The exact version behind its door; and, if that is not the open one, a version without small groups there."""
        origin = f"{source.catalog}.{node.relation}"
        for number, door in enumerate(doors(node)):
            rows = origin
            if number:
                columns = columns_of(self.con, origin)
                rows = f"({without_small_groups(node, origin, columns, self.settings.small_group_threshold)})"
            yield self._written(node, door, source, rows, is_derived=bool(number))

    def _written(self, node: Node, door: str, source: _Source, rows: str, *, is_derived: bool) -> PublishedRelation:
        before = self.before.get((node.relation, door))
        goes_on = self.continued and door == CONTINUED and before is not None
        made_of = _made_of(node, source.shown.version, rows) if source.shown else None
        if before and (rows == f"previous_{door}.{node.relation}" or (made_of and before.made_of == made_of)):
            if goes_on:
                self.kept[node.relation] = None
            else:
                self._copy(node, door, f"previous_{door}.{node.relation}")
            return before.model_copy(update=_said_of(node, source))
        if goes_on and before and (touched := _touched(node, source, rows, before)):
            content, self.kept[node.relation] = replace_touched(self.con, node.relation, rows, *touched)
        else:
            if is_derived:  # made once, and read twice
                self.con.execute(f"create or replace temp table derived as select * from {rows}")
                rows = "derived"
            self._copy(node, door, rows)
            content = content_of(self.con, rows)
        return PublishedRelation(
            relation=node.relation, door=door, rows=content.rows, checksum=content.checksum,
            hash_sum=str(content.hash_sum), made_of=before.made_of if before and source.held_back_by else made_of,
            **_said_of(node, source),
        )  # fmt: skip

    def _copy(self, node: Node, door: str, rows: str) -> None:
        """Write a relation and its comments, in place of what the generation before had."""
        con, target = self.con, f"{door}.{node.relation}"
        con.execute("begin")  # one write to the disk for a table and all its comments
        con.execute(f"create schema if not exists {door}.{identifier(node.schema)}")
        con.execute(f"create or replace table {target} as select * from {rows}")
        con.execute(f"comment on table {target} is {literal(node.description)}")
        comments = {column.name: column.description for column in node.columns} | {FLAG: FLAG_DESCRIPTION}
        for name in columns_of(con, target).keys() & comments.keys():
            con.execute(f"comment on column {target}.{identifier(name)} is {literal(comments[name])}")
        con.execute("commit")


def _touched(node: Node, source: _Source, rows: str, before: PublishedRelation) -> tuple[Shown, Content] | None:
    """What was published, if the rows of touched keys are all in which the warehouse differs from it."""
    shown = source.shown
    if shown is None or shown.before is None or shown.key not in {column.name for column in node.columns}:
        return None
    if before.hash_sum is None or before.made_of != _made_of(node, shown.before, rows):
        return None
    return shown, Content(before.rows, int(before.hash_sum))


def _made_of(node: Node, version: str, rows: str) -> str:
    """What stands for the rows of a relation behind a door, and for what is said of them."""
    said = [node.description, *(f"{column.name}: {column.description}" for column in node.columns)]
    return hashlib.sha256("\0".join([version, rows, *said]).encode()).hexdigest()[:20]


def _said_of(node: Node, source: _Source) -> dict[str, Any]:
    """What a generation says of a relation beside its rows."""
    return {
        "data_through": source.data_through, "held_back_by": list(source.held_back_by),
        "rests_on_accepted": list(source.rests_on_accepted), "file": node.file,
    }  # fmt: skip


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
