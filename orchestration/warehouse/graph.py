"""Questions to dbt's manifest: which nodes are there, what is built on what, what is held back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

BUILT = ("model", "seed")


@dataclass(frozen=True)
class Column:
    """A column as its model's contract declares it; `data_type` is None where a seed leaves it open."""

    name: str
    data_type: str | None
    description: str
    is_required: bool


@dataclass(frozen=True)
class SmallGroups:
    """What a mart's `meta.small_groups` says of itself.

    `persons` are columns that count persons or what they did; `by` are columns of its key that make groups small,
    the first to be kept longest. Without `by`, its figures do not add up over any of them.
    """

    persons: tuple[str, ...]
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A model or seed of the warehouse; `key` is what its primary-key test says, empty without one.

    `reconciles` is the feed whose rows it follows to the facts; `last_good` names what it may read as it last was.
    """

    unique_id: str
    name: str
    schema: str
    resource_type: str
    tags: frozenset[str]
    description: str
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    small_groups: SmallGroups | None = None
    reconciles: str | None = None
    last_good: frozenset[str] = frozenset()

    @property
    def relation(self) -> str:
        """Its name in the warehouse, schema first."""
        return f"{self.schema}.{self.name}"


class Graph:
    """The manifest of one dbt project."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        keys = _keys(manifest)
        self.nodes = {
            unique_id: _node(node, keys.get(unique_id, ()))
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] in BUILT and node["config"]["materialized"] != "ephemeral"
        }
        self._order = list(TopologicalSorter(manifest["parent_map"]).static_order())
        self._sources = {source["name"]: unique_id for unique_id, source in manifest["sources"].items()}
        self._by_name = {node.name: unique_id for unique_id, node in self.nodes.items()}

    def stage(self, stage: str) -> list[Node]:
        """Nodes of one stage, parents before children, as Dagster wants them reported."""
        return [
            self.nodes[unique_id]
            for unique_id in self._order
            if unique_id in self.nodes and f"stage_{stage}" in self.nodes[unique_id].tags
        ]

    def published(self) -> list[Node]:
        """Relations that people read: the marts, without what only the marts themselves read."""
        return [node for node in self.stage("marts") if node.resource_type == "model" and node.schema != "intermediate"]

    def reconciling(self) -> dict[str, str]:
        """Relations that follow a feed's rows to the facts, by feed."""
        return {node.reconciles: node.relation for node in self.nodes.values() if node.reconciles}

    def held_back(
        self, *, feeds: Collection[str], models: Collection[str], built: Collection[str] = ()
    ) -> dict[str, list[str]]:
        """Nodes that closed gates hold back, by name, each with the feeds or models that hold it.

        A feed holds back everything built on it; a model itself as well. What a feed holds back does not hold back a
        node that has it in its `meta.last_good`, once it has been `built`: the node then reads it as it last was.
        Behind a model's closed gate it has been built already, from rows that the gate refused: that, nobody reads.
        """
        held: dict[str, list[str]] = {}
        causes = [(feed, self._sources.get(feed), built) for feed in sorted(feeds)]
        causes += [(model, self._by_name.get(model), ()) for model in sorted(models)]
        for cause, start, as_it_was in causes:
            for unique_id in self._descendants(start, as_it_was) if start else ():
                if unique_id in self.nodes:
                    held.setdefault(self.nodes[unique_id].name, []).append(cause)
        return held

    def feeds_of(self, node: Node) -> set[str]:
        """Feeds that a node is built on, directly or not."""
        return {feed for feed, source in self._sources.items() if node.unique_id in self._descendants(source)}

    def between(self, first: str, last: str) -> list[str]:
        """Names of the nodes by which one reaches another, both included, parents before children."""
        start, end = self._by_name[first], self._by_name[last]
        found = {unique_id for unique_id in self._descendants(start) if end in self._descendants(unique_id)}
        return [self.nodes[unique_id].name for unique_id in self._order if unique_id in found & self.nodes.keys()]

    def name_of(self, unique_id: str) -> str:
        """Name of a node of any kind."""
        return str(self.manifest["nodes"][unique_id]["name"]) if unique_id in self.manifest["nodes"] else ""

    def tested_by(self, test_id: str) -> str | None:
        """Name of the model or seed that a test guards, if it guards one."""
        test = self.manifest["nodes"][test_id]
        attached = test.get("attached_node") or next(iter(test["depends_on"]["nodes"]), None)
        return self.nodes[attached].name if attached in self.nodes else None

    def reading_last_good(self, held: Collection[str]) -> dict[str, list[str]]:
        """Nodes that are not held back but read, as it last was, what is; each with what that is."""
        reading = {node.name: sorted(node.last_good & set(held)) for node in self.nodes.values()}
        return {name: parents for name, parents in reading.items() if parents and name not in held}

    def _descendants(self, start: str, built: Collection[str] = ()) -> set[str]:
        """The node and what is built on it; not what can do with its last good state, if it is among `built`."""
        found, waiting = set(), [start]
        while waiting:
            unique_id = waiting.pop()
            if unique_id not in found:
                found.add(unique_id)
                name = self.nodes[unique_id].name if unique_id in self.nodes else ""
                waiting += [
                    child
                    for child in self.manifest["child_map"].get(unique_id, [])
                    if name not in built or child not in self.nodes or name not in self.nodes[child].last_good
                ]
        return found


def _node(node: Mapping[str, Any], key: tuple[str, ...]) -> Node:
    meta = node["config"].get("meta") or {}
    return Node(
        node["unique_id"], node["name"], node["schema"], node["resource_type"], frozenset(node["tags"]),
        node.get("description") or "", tuple(_column(column) for column in node["columns"].values()), key,
        _small_groups(meta), meta.get("reconciles"), frozenset(meta.get("last_good", ())),
    )  # fmt: skip


def _column(column: Mapping[str, Any]) -> Column:
    is_required = any(constraint["type"] == "not_null" for constraint in column["constraints"])
    return Column(column["name"], column["data_type"], column["description"] or "", is_required)


def _keys(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Columns of each node's primary-key test."""
    tests = (node for node in manifest["nodes"].values() if node["resource_type"] == "test")
    return {
        test["attached_node"]: tuple(test["test_metadata"]["kwargs"]["columns"])
        for test in tests
        if (test.get("test_metadata") or {}).get("name") == "primary_key"
    }


def _small_groups(meta: Mapping[str, Any]) -> SmallGroups | None:
    rule = meta.get("small_groups")
    return SmallGroups(tuple(rule["persons"]), tuple(rule.get("by", ()))) if rule else None
