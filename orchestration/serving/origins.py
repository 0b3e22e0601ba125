"""Where each relation of a new generation comes from, and whether that is what the generation before has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.base.content import Content
from orchestration.base.settings import Settings
from orchestration.base.sql import connect, literal
from orchestration.ingest.receipt import Receipt, in_force
from orchestration.serving.generations import PublishedRelation, doors, published_before
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.held import resting_on_accepted
from orchestration.warehouse.nodes import Node
from orchestration.warehouse.shown import Shown, rows_shown


@dataclass(frozen=True)
class Source:
    """Where a relation of the new generation comes from: a catalogue attached to the building connection."""

    catalog: str
    data_through: date | None
    held_back_by: tuple[str, ...]
    rests_on_accepted: tuple[str, ...]
    #: What stands for its rows in the warehouse; None if nobody knows.
    shown: Shown | None = None


def sources_of(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    graph: Graph,
    receipts: Sequence[Receipt],
    held: Mapping[str, Sequence[str]],
    before: Mapping[tuple[str, str], PublishedRelation],
) -> Iterator[tuple[Node, Source | list[str]]]:
    """Each mart with where it comes from, or with the gates that hold back the first version that there would be."""
    accepted = resting_on_accepted(settings, graph)
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
            yield node, Source("warehouse", newest_dt, (), accepted_by, shown.get(node.name))
        elif kept:
            catalog = f"previous_{kept.door}"
            yield node, Source(catalog, kept.data_through, tuple(holders), tuple(kept.rests_on_accepted))
        else:
            yield node, list(holders)


def is_as_it_was(node: Node, source: Source, rows: str, before: PublishedRelation) -> bool:
    """Whether a relation is taken as the generation before has it: held back, or made of the same."""
    if rows == f"previous_{before.door}.{node.relation}":
        return True
    return source.shown is not None and before.made_of == made_of_rows(node, source.shown.version, rows)


def has_other_rows(settings: Settings, graph: Graph) -> bool:
    """Whether the warehouse has built a mart of something else than readers see."""
    before = published_before(settings)
    with connect(settings) as con:
        con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
        shown = rows_shown(con, graph)
    for node in graph.published():
        entry = before.get((node.relation, doors(node)[0]))
        if node.name in shown:
            made_of = made_of_rows(node, shown[node.name].version, f"warehouse.{node.relation}")
            if entry is None or entry.made_of != made_of:
                return True
    return False


def touched_in(node: Node, source: Source, rows: str, before: PublishedRelation) -> tuple[Shown, Content] | None:
    """What was published, if the rows of touched keys are all in which the warehouse differs from it."""
    shown = source.shown
    if shown is None or shown.before is None or shown.key not in {column.name for column in node.columns}:
        return None
    if before.hash_sum is None or before.made_of != made_of_rows(node, shown.before, rows):
        return None
    return shown, Content(before.rows, int(before.hash_sum))


def made_of_rows(node: Node, version: str, rows: str) -> str:
    """What stands for the rows of a relation behind a door, and for what is said of them."""
    said = [node.description, *(f"{column.name}: {column.description}" for column in node.columns)]
    return hashlib.sha256("\0".join([version, rows, *said]).encode()).hexdigest()[:20]


def _newest_dt(receipts: Sequence[Receipt]) -> Mapping[str, date]:
    found: dict[str, date] = {}
    for receipt in in_force(receipts):
        found[receipt.feed] = max(receipt.dt, found.get(receipt.feed, receipt.dt))
    return found
