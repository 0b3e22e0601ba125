"""Copying relations into the files of a generation: fresh ones from the warehouse, held-back ones from the last."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.content import content_of
from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect, identifier, literal
from orchestration.ingest.receipt import Receipt
from orchestration.serving.continued import CONTINUED, Kept, Replaced, drop_others, go_on, replace_touched
from orchestration.serving.generations import (
    DOORS,
    PARQUET,
    PublishedRelation,
    current_dir,
    doors,
    published_before,
)
from orchestration.serving.origins import Source, is_as_it_was, made_of_rows, sources_of, touched_in
from orchestration.serving.sealed import readable
from orchestration.serving.small_groups import FLAG, FLAG_DESCRIPTION, without_small_groups
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Node

#: Old enough for the drivers in BI tools.
STORAGE_VERSION = "v1.2.0"


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
    before = published_before(settings)
    with ExitStack() as opened, connect(settings) as con:
        con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
        previous = _attach_previous(con, settings, opened)
        sources = list(sources_of(con, settings, graph, receipts, held, before))
        goes_on = _pays_to_go_on(sources, before)
        _attach_new(con, building, previous[CONTINUED] if goes_on else None)
        writing = _Writing(con, settings, before, goes_on, {})
        for node, source in sources:
            if isinstance(source, Source):
                relations += writing.copies(node, source)
            else:
                missing[node.relation] = source
        if goes_on:
            drop_others(con, {entry.relation for entry in relations if entry.door == CONTINUED})
        _write_parquet(con, settings, building, relations)
        for door in DOORS:
            con.execute(f"checkpoint {door}")
    return Built(relations, missing, writing.kept)


def parquet_file(folder: Path, relation: str) -> Path:
    """Where a generation keeps an open relation as Parquet."""
    schema, name = relation.split(".")
    return folder / PARQUET / schema / f"{name}.parquet"


def _attach_previous(con: duckdb.DuckDBPyConnection, settings: Settings, opened: ExitStack) -> dict[str, Path]:
    """Open the files of the generation before, if there is one, as `previous_<door>`; where they are read, by door."""
    found = {}
    if folder := current_dir(settings):
        for door, (file, _) in DOORS.items():
            found[door] = opened.enter_context(readable(settings, folder / file))
            con.execute(f"attach {literal(str(found[door]))} as previous_{door} (read_only)")
    return found


def _attach_new(con: duckdb.DuckDBPyConnection, building: Path, before: Path | None) -> None:
    """Open the files that are written; the one behind `CONTINUED` as a clone of the one `before`, if it goes on."""
    for door, (file, _) in DOORS.items():
        if door == CONTINUED and before:
            go_on(con, before, building / file)
        else:
            version = f"(storage_version {literal(STORAGE_VERSION)})"
            con.execute(f"attach {literal(str(building / file))} as {door} {version}")


def _pays_to_go_on(
    sources: Sequence[tuple[Node, Source | list[str]]], before: Mapping[tuple[str, str], PublishedRelation]
) -> bool:
    """Whether more than half of the rows behind `CONTINUED` are in relations that are not written anew."""
    rows, staying = 0, 0
    for node, source in sources:
        entry = before.get((node.relation, CONTINUED))
        if isinstance(source, Source) and entry:
            origin = f"{source.catalog}.{node.relation}"
            rows += entry.rows
            if is_as_it_was(node, source, origin, entry) or touched_in(node, source, origin, entry):
                staying += entry.rows
    return 2 * staying > rows


@dataclass(frozen=True)
class _Writing:
    """The relations of a generation as they are written; `kept` are those that stay what they were before."""

    con: duckdb.DuckDBPyConnection
    settings: Settings
    before: Mapping[tuple[str, str], PublishedRelation]
    goes_on: bool
    kept: dict[str, Replaced | None]

    def copies(self, node: Node, source: Source) -> Iterator[PublishedRelation]:
        """The exact version behind its door; and, if that is not the open one, a version without small groups there."""
        origin = f"{source.catalog}.{node.relation}"
        for number, door in enumerate(doors(node)):
            rows = origin
            if number:
                columns = columns_of(self.con, origin)
                rows = f"({without_small_groups(node, origin, columns, self.settings.small_group_threshold)})"
            yield self._written(node, door, source, rows, is_derived=bool(number))

    def _written(self, node: Node, door: str, source: Source, rows: str, *, is_derived: bool) -> PublishedRelation:
        before = self.before.get((node.relation, door))
        goes_on = self.goes_on and door == CONTINUED and before is not None
        made_of = made_of_rows(node, source.shown.version, rows) if source.shown else None
        if before and is_as_it_was(node, source, rows, before):
            if goes_on:
                self.kept[node.relation] = None
            else:
                self._copy(node, door, f"previous_{door}.{node.relation}")
            return before.model_copy(update=_said_of(node, source))
        if goes_on and before and (touched := touched_in(node, source, rows, before)):
            content, self.kept[node.relation] = replace_touched(self.con, node.relation, rows, *touched)
        else:
            if is_derived:  # made once, and read twice
                self.con.execute(f"create or replace temp table derived as select * from {rows}")
                rows = "derived"
            self._copy(node, door, rows)
            content = content_of(self.con, rows)
        return PublishedRelation(
            relation=node.relation, door=door, rows=content.rows, checksum=content.checksum,
            hash_sum=str(content.hash_sum), made_of=made_of, **_said_of(node, source),
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


def _said_of(node: Node, source: Source) -> dict[str, Any]:
    """What a generation says of a relation beside its rows."""
    return {
        "data_through": source.data_through, "held_back_by": list(source.held_back_by),
        "rests_on_accepted": list(source.rests_on_accepted), "file": node.file,
    }  # fmt: skip


def _write_parquet(
    con: duckdb.DuckDBPyConnection, settings: Settings, building: Path, relations: list[PublishedRelation]
) -> None:
    """Every open relation as a file of its own; where columns and rows are the last generation's, so is the file."""
    before, folder = published_before(settings), current_dir(settings)
    for entry in relations:
        if entry.door != "open":
            continue
        path = parquet_file(building, entry.relation)
        path.parent.mkdir(parents=True, exist_ok=True)
        earlier = parquet_file(folder, entry.relation) if folder else None
        kept = before.get((entry.relation, "open"))
        if earlier and earlier.exists() and kept and kept.checksum == entry.checksum and _has_same_columns(con, entry):
            os.link(earlier, path)
        else:
            con.execute(f"copy open.{entry.relation} to {literal(str(path))} (format parquet, compression zstd)")


def _has_same_columns(con: duckdb.DuckDBPyConnection, entry: PublishedRelation) -> bool:
    """Whether an open relation has the columns that it had; a checksum knows neither their names nor their types."""
    now, before = (columns_of(con, f"{catalog}.{entry.relation}") for catalog in ("open", "previous_open"))
    return [*now.items()] == [*before.items()]
