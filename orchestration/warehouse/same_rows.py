"""Other code that makes the same rows: what rests on these is left as it is.

A node of other code on which others rest is built before them, and its rows are held against those that it had. Where
they are the same, `pipeline.same_rows` says that its code stands for the code before, for as long as it is made of it,
and the others are not due any more. Only what stands first is compared, and again what then stands first, until rows
have changed: each look is another command to dbt. A view has no rows of its own to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.base.content import Content, content_of
from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect
from orchestration.warehouse.due import Plan
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Node
from orchestration.warehouse.records import SameRows, note_same_rows
from orchestration.warehouse.work import Work


@dataclass(frozen=True)
class Held:
    """The columns of a relation, each with its type, and its rows; the hash of a value knows neither name nor type."""

    columns: Mapping[str, str]
    rows: Content


def build_first(
    settings: Settings, graph: Graph, find: Callable[[], Work], build: Callable[[Sequence[Node]], None]
) -> Work:
    """Of the work that is found, build what stands first, for as long as any of it has the same rows; what is left."""
    work, have_same = find(), True
    while have_same and (first := first_of(graph, work.plan, work.due)):
        with connect(settings, str(settings.warehouse)) as con:
            before = held_by(con, first)
        build(first)
        with connect(settings, str(settings.warehouse)) as con:
            have_same = note_same(con, work.plan, before)
        work = find()
    return work


def first_of(graph: Graph, plan: Plan, names: Mapping[str, object]) -> list[Node]:
    """Of these nodes, those of other code that rest on nothing due, and on which something due rests."""
    resting: set[str] = set()
    waited_for: set[str] = set()
    for node in graph.in_order():
        parents = {parent.name for parent in graph.made_from(node)[0]}
        if parents & (plan.due.keys() | resting):
            resting.add(node.name)
        if node.name in plan.due:
            waited_for |= {cause.removeprefix("parent ") for cause in plan.due[node.name].because}
    return [
        plan.due[name].node
        for name in names
        if name in waited_for - resting and plan.due[name].is_of_other_code and not plan.due[name].node.is_view
    ]


def held_by(con: duckdb.DuckDBPyConnection, nodes: Sequence[Node]) -> dict[str, Held]:
    """What the relations of these nodes hold, by name."""
    return {node.name: Held(columns_of(con, node.relation), content_of(con, node.relation)) for node in nodes}


def note_same(con: duckdb.DuckDBPyConnection, plan: Plan, before: Mapping[str, Held]) -> bool:
    """Note of the nodes that were built by `plan` which hold the same as `before`; whether any does."""
    after = held_by(con, [plan.due[name].node for name in before])
    same: dict[str, SameRows] = {}
    for name, held in after.items():
        node = plan.nodes[name]
        if node.before and held == before[name]:
            same[name] = SameRows(node.now.code, as_code=node.before.code_seen)
    note_same_rows(con, same)
    return bool(same)
