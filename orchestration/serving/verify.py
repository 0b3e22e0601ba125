"""Verifying a generation from its own files, before anybody is pointed at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from orchestration.base.content import content_of
from orchestration.base.machine import is_machines
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect, exact, identifier, literal, one_number
from orchestration.serving.build import parquet_file
from orchestration.serving.continued import CONTINUED, Kept, Replaced
from orchestration.serving.generations import DOORS, Publication, PublishedRelation, doors
from orchestration.serving.small_groups import FLAG
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Node

#: Types of pseudonyms; nothing in the open file has one.
_PSEUDONYMS = ("UUID", "BLOB")


class VerificationError(Refusal):
    """A generation is not what it should be; it was not switched to. The message lists everything found."""


def verify(
    settings: Settings,
    graph: Graph,
    folder: Path,
    publication: Publication,
    held: Mapping[str, Sequence[str]],
    kept: Kept,
) -> None:
    """See that every relation is there with the rows it was copied from, keeps its contract and has its gates open.

    What a gate holds back keeps the contract that it was published under, so only its content is compared. Of what is
    `kept` of the generation before, rows are counted, and those that were replaced are compared.

    Raises:
        VerificationError: if anything is amiss.
    """
    nodes = {node.relation: node for node in graph.published()}
    problems: list[str] = []
    with connect(settings) as con:
        for door, (file, _) in DOORS.items():
            con.execute(f"attach {literal(str(folder / file))} as {door} (read_only)")
        if any(kept.values()):
            con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
        problems += _pseudonyms_in_the_open(con)
        for entry in publication.relations:
            node = nodes[entry.relation]
            is_kept = entry.door == CONTINUED and entry.relation in kept
            replaced = kept[entry.relation] if is_kept else None
            found = [*(_rest(con, entry, replaced) if is_kept else _content(con, folder, entry))]
            if not found and not entry.held_back_by:
                new = "false" if is_kept and not replaced else replaced.where if replaced else "true"
                found += [*_contract(con, node, entry.door, new), *_gates(node, held)]
            problems += [f"{entry.relation} ({entry.door}): {problem}" for problem in found]
    if problems:
        raise VerificationError(
            f"Generation {publication.generation} was not switched to; readers keep what they have.\n"
            + "\n".join(problems)
        )


def _content(con: duckdb.DuckDBPyConnection, folder: Path, entry: PublishedRelation) -> Iterator[str]:
    """What was written is what was read, in the database and in Parquet."""
    parquet = parquet_file(folder, entry.relation)
    written = {DOORS[entry.door][0]: f"{entry.door}.{entry.relation}"}
    if entry.door == "open":
        written[parquet.name] = f"read_parquet({literal(exact(parquet))})"
    for file, rows in written.items():
        try:
            found = content_of(con, rows)
        except (duckdb.CatalogException, duckdb.IOException) as error:
            if is_machines(error):
                raise
            yield f"is not in {file}"
            continue
        if found.rows != entry.rows:
            yield f"{entry.rows:,} rows were read, but {found.rows:,} are in {file}"
        elif found.checksum != entry.checksum:
            yield f"its content in {file} differs from what was read"


def _rest(con: duckdb.DuckDBPyConnection, entry: PublishedRelation, replaced: Replaced | None) -> Iterator[str]:
    """What has come from the generation before is all there, and what was replaced is what was read."""
    relation = f"{entry.door}.{entry.relation}"
    try:
        count = one_number(con, f"select count(*) from {relation}")
        is_right = replaced is None or (
            content_of(con, f"(select * from {relation} where {replaced.where})") == replaced.content
        )
    except duckdb.CatalogException:
        yield f"is not in {DOORS[entry.door][0]}"
        return
    if count != entry.rows:
        yield f"{entry.rows:,} rows were to be in {DOORS[entry.door][0]}, but {count:,} are"
    elif not is_right:
        yield f"what was replaced in {DOORS[entry.door][0]} differs from what was read"


def _contract(con: duckdb.DuckDBPyConnection, node: Node, door: str, new: str) -> Iterator[str]:
    """Columns, types and what must not be empty in rows that are `new`, as the model declares them."""
    found = columns_of(con, f"{door}.{node.relation}")
    is_exact = door == doors(node)[0]
    declared = {column.name: _type(con, column.data_type) for column in node.columns}
    if not is_exact:
        declared[FLAG] = "BOOLEAN"
    for name in declared.keys() - found.keys():
        yield f"column {name} is missing"
    for name, type_ in found.items():
        if name not in declared:
            yield f"column {name} is not in its contract"
        elif declared[name] not in (None, type_):
            yield f"column {name} is {type_}, but its contract says {declared[name]}"
    required = [column.name for column in node.columns if column.is_required and column.name in found and is_exact]
    if required:
        empty = ", ".join(f"count(*) - count({identifier(name)})" for name in required)
        row = con.execute(f"select {empty} from {door}.{node.relation} where {new}").fetchone() or ()
        for name, count in zip(required, row, strict=True):
            if count:
                yield f"column {name} is empty in {count:,} rows, but its contract requires it"


def _gates(node: Node, held: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if node.name in held:
        yield f"is fresh, but its gate is closed: {', '.join(held[node.name])}"


def _pseudonyms_in_the_open(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute(
        "select schema_name || '.' || table_name || '.' || column_name, data_type from duckdb_columns() "
        "where database_name = 'open' order by all"
    ).fetchall()
    return [
        f"{column} is {type_}: a pseudonym must not stand in the open file"
        for column, type_ in rows
        if any(word in type_ for word in _PSEUDONYMS)
    ]


def _type(con: duckdb.DuckDBPyConnection, declared: str | None) -> str | None:
    """A declared type by the name that DuckDB gives it."""
    if declared is None:
        return None
    row = con.execute(f"select typeof(null::{declared})").fetchone()
    assert row is not None
    return str(row[0])
