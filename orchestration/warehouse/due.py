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
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import duckdb

from orchestration.contracts import Feed
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.made_of import MadeOf, digest
from orchestration.warehouse.nodes import Node
from orchestration.warehouse.records import Recorded, SameRows, code_seen, existing, read_same_rows, recorded


@dataclass(frozen=True)
class Due:
    """A node to build: whole, or only what is pending; `because` says of what it is made that it was not before."""

    node: Node
    is_whole: bool
    because: tuple[str, ...]
    is_of_other_code: bool


@dataclass(frozen=True)
class Fingerprints:
    """What a node's rows are made of: where a fingerprint is as it was, so is what it stands for.

    `code` says how the rows are made: its parts, each with its hash, the `code_seen` of the parents among them. `rows`
    stands for the rows. `code_seen` and `rows_seen` are what the node's readers rest on: the same, except that code
    which was seen to make the same rows as the code before goes by that, so that its readers are not built again.
    `version` is what is recorded with the rows: `rows`; of what is told by its code alone, the code's hash.
    """

    code: str
    code_seen: str
    rows: str
    rows_seen: str
    version: str


@dataclass(frozen=True)
class NodePlan:
    """What a node's rows are made of when the build has ended, and what is recorded of those from before, if any are.

    `touched_since` are the `rows` from which they differ by the node's touched keys alone: those before the build that
    is due, or where none is, before the last one. None if that build is a whole one: touched keys tell nothing then.
    """

    now: Fingerprints
    before: Recorded | None
    due: Due | None
    touched_since: str | None


@dataclass(frozen=True)
class Plan:
    """Each node of the graph by its name, parents first."""

    nodes: Mapping[str, NodePlan]

    @cached_property
    def due(self) -> dict[str, Due]:
        """What is to be built."""
        return {name: one.due for name, one in self.nodes.items() if one.due}


def plan(
    con: duckdb.DuckDBPyConnection,
    graph: Graph,
    made_of: MadeOf,
    feeds: Mapping[str, Feed],
    raw: Mapping[str, str],
    held: Collection[str] = (),
) -> Plan:
    """What is due over `raw` (`raw_versions`); what is `held` stays as it is, for its readers too."""
    same_rows = read_same_rows(con)
    before, there = recorded(con, same_rows), existing(con)
    nodes: dict[str, NodePlan] = {}
    for node in graph.in_order():
        parents, sources = graph.made_from(node)
        planning = _Planning(
            node,
            parents={parent.name: nodes[parent.name] for parent in parents},
            deliveries={feed: raw.get(feed) for feed in sources},
            is_told_by_code=graph.is_told_by_code(node),
            before=before.get(node.name),
            same=same_rows.get(node.name),
            is_there=node.relation in there,
        )
        nodes[node.name] = planning.left_alone() if node.name in held else planning.brought_up(made_of, feeds)
    return Plan(nodes)


@dataclass(frozen=True)
class _Planning:
    """A node that is being planned: what it reads, and what is known of its rows that are there.

    `deliveries` has of each feed what stands for them, None where the feed has never arrived.
    """

    node: Node
    parents: Mapping[str, NodePlan]
    deliveries: Mapping[str, str | None]
    is_told_by_code: bool
    before: Recorded | None
    same: SameRows | None
    is_there: bool

    def brought_up(self, made_of: MadeOf, feeds: Mapping[str, Feed]) -> NodePlan:
        """The node up to date, built if it has to be."""
        parts = self._parts(made_of, feeds)
        now = self._made_by(json.dumps(parts, sort_keys=True))
        due = self._due(now, parts)
        return NodePlan(now, self.before, due, self._touched_since(now, due))

    def left_alone(self) -> NodePlan:
        """The node with the rows that are there; as a view, with those that its parents have now."""
        version = (self.before.version if self.before else None) or ""
        now = replace(self._made_by(self.before.code if self.before else ""), version=version)
        if not self.node.is_view:
            now = replace(now, rows=version, rows_seen=version)
        return NodePlan(now, self.before, None, self._touched_since(now, None))

    def _parts(self, made_of: MadeOf, feeds: Mapping[str, Feed]) -> dict[str, str]:
        """What the code is made of, beneath the node as well; of a view also the columns that it takes from raw."""
        parts = made_of.parts(self.node.unique_id)
        if self.node.is_view:
            parts |= {f"columns of {feed}": feeds[feed].fingerprint for feed in self.deliveries if feed in feeds}
        return parts | {f"parent {name}": digest(parent.now.code_seen) for name, parent in self.parents.items()}

    def _made_by(self, code: str) -> Fingerprints:
        parents = [parent.now for parent in self.parents.values()]
        seen = [parent.rows_seen for parent in parents]
        # a view, of whose rows nothing is recorded, has those of its parents, told by the very code that made them
        own = [parent.rows for parent in parents] if self.node.is_view else seen
        as_seen, deliveries = code_seen(self.same, code), self.deliveries.values()
        rows, rows_seen = digest(code, [*own, *deliveries]), digest(as_seen, [*seen, *deliveries])
        return Fingerprints(code, as_seen, rows, rows_seen, version=digest(code) if self.is_told_by_code else rows)

    def _due(self, now: Fingerprints, parts: Mapping[str, str]) -> Due | None:
        because = self._because(now, parts)
        if not because:
            return None
        code_there = self.before.code if self.before and self.is_there else None
        is_whole = code_there != now.code or not self.node.is_incremental
        return Due(self.node, is_whole, because, is_of_other_code=code_there not in (None, now.code))

    def _because(self, now: Fingerprints, parts: Mapping[str, str]) -> tuple[str, ...]:
        """What is not as it was; nothing if everything is."""
        if not self.before or not self.is_there:
            return ("never built",)
        before: dict[str, Any] = json.loads(self.before.code or "{}")
        changed = [name for name in parts.keys() | before.keys() if parts.get(name) != before.get(name)]
        if changed:
            return tuple(sorted(changed, key=lambda name: (name.startswith("parent "), name)))
        if self.before.version != now.version:
            return ("deliveries",) if self.before.version else ("other pseudonyms",)
        return ()

    def _touched_since(self, now: Fingerprints, due: Due | None) -> str | None:
        if self.before is None or self.before.code != now.code:
            return None
        if self.node.is_view:  # has the rows of what it reads, if that is one relation
            since = [parent.touched_since for parent in self.parents.values()]
            return digest(now.code, since) if len(since) == 1 and since[0] and not self.deliveries else None
        if due:
            return None if due.is_whole else self.before.version
        return None if self.before.was_whole else self.before.replaced


def want(con: duckdb.DuckDBPyConnection, plan: Plan, are_tested_whole: Mapping[str, bool]) -> None:
    """Say what these nodes are going to be made of, for the hooks that run when they are, and for their tests.

    A key test looks at all rows of what is tested whole, and else at those that the run has touched.
    """
    con.execute("begin")
    clear_wanted(con)
    for name, is_tested_whole in are_tested_whole.items():
        one = plan.nodes[name]
        replaced, is_whole = one.before and one.before.version, bool(one.due and one.due.is_whole)
        said = [name, one.now.code, one.now.version, replaced, is_whole, is_tested_whole]
        con.execute("insert into pipeline.wanted values ($1, $2, $3, $4, $5, $6)", said)
    con.execute("commit")


def clear_wanted(con: duckdb.DuckDBPyConnection) -> None:
    """Want nothing: what is built until something is wanted is made of nobody knows what."""
    con.execute("delete from pipeline.wanted")
