"""Questions to dbt's manifest: which nodes are there, what is built on what, what is held back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter
from typing import Any

from orchestration.warehouse.nodes import Node, is_built, keys_of, node_of

#: Tag of what is built for the pipeline itself: which keys of a model are touched, and what it can read.
PIPELINE = "pipeline"
#: Table of schema `raw` that lists all deliveries.
REVISION = "revision"


def without_pipeline(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest as people want to see it: what holds data, without what the pipeline keeps for itself."""
    shown = {unique_id for unique_id, node in manifest["nodes"].items() if PIPELINE not in node["tags"]}
    shown |= {unique_id for sources in _sources_by_feed(manifest).values() for unique_id in sources}
    nodes = {
        unique_id: node | {"depends_on": _only(node["depends_on"], shown)}
        for unique_id, node in manifest["nodes"].items()
        if unique_id in shown
    }
    sources = {unique_id: source for unique_id, source in manifest["sources"].items() if unique_id in shown}
    hidden = {*manifest["nodes"], *manifest["sources"]} - shown
    maps = {
        name: {
            unique_id: [other for other in others if other not in hidden]
            for unique_id, others in manifest[name].items()
            if unique_id not in hidden
        }
        for name in ("parent_map", "child_map")
    }
    return {**manifest, "nodes": nodes, "sources": sources, **maps}


def _only(depends_on: Mapping[str, Any], shown: Collection[str]) -> dict[str, Any]:
    return {**depends_on, "nodes": [parent for parent in depends_on.get("nodes", []) if parent in shown]}


class Graph:
    """The manifest of one dbt project."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        keys = keys_of(manifest)
        self.nodes = {
            unique_id: node_of(node, keys.get(unique_id, ()))
            for unique_id, node in manifest["nodes"].items()
            if is_built(node) and PIPELINE not in node["tags"]
        }
        self._pipeline = {
            unique_id for unique_id, node in manifest["nodes"].items() if is_built(node) and PIPELINE in node["tags"]
        }
        self._order = list(TopologicalSorter(manifest["parent_map"]).static_order())
        self._sources = _sources_by_feed(manifest)
        self._tests = [one for one, node in manifest["nodes"].items() if node["resource_type"] == "test"]
        self._by_name = {node.name: unique_id for unique_id, node in self.nodes.items()}

    def stage(self, stage: str) -> list[Node]:
        """Nodes of one stage, parents before children, as Dagster wants them reported."""
        return [
            self.nodes[unique_id]
            for unique_id in self._order
            if unique_id in self.nodes and f"stage_{stage}" in self.nodes[unique_id].tags
        ]

    def in_order(self) -> list[Node]:
        """All nodes, parents before children."""
        return [self.nodes[unique_id] for unique_id in self._order if unique_id in self.nodes]

    def made_from(self, node: Node) -> tuple[list[Node], list[str]]:
        """The nodes and the feeds that a node reads its rows from, and not only what of them it has to recompute.

        Among the feeds, `REVISION` stands for the list of all deliveries.
        """
        parents = self.manifest["parent_map"].get(node.unique_id, ())
        feeds = {feed for feed, sources in self._sources.items() if not set(sources).isdisjoint(parents)}
        sources = (self.manifest["sources"][one] for one in parents if one in self.manifest["sources"])
        feeds |= {REVISION for source in sources if (source["schema"], source["name"]) == ("raw", REVISION)}
        nodes = (self.nodes[one] for one in parents if one in self.nodes)
        return sorted(nodes, key=lambda node: node.name), sorted(feeds)

    def is_told_by_code(self, node: Node) -> bool:
        """Whether what is recorded of a node's rows is their code alone: of a view, and of what is made of no data."""
        return node.is_view or not any(self.made_from(node))

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
        node that has it in its `meta.last_good`, if it is `built`: the node then reads it as it last was.
        A model behind its own closed gate is different: its rows were refused, so nobody may read them.
        """
        held: dict[str, list[str]] = {}
        causes = [(feed, self._sources.get(feed, ()), built) for feed in sorted(feeds)]
        causes += [(model, [self._by_name[model]], ()) for model in sorted(models) if model in self._by_name]
        for cause, starts, as_it_was in causes:
            for unique_id in self._descendants(starts, as_it_was):
                if unique_id in self.nodes:
                    held.setdefault(self.nodes[unique_id].name, []).append(cause)
        return held

    def feeds_of(self, node: Node) -> set[str]:
        """Feeds that a node is built on, directly or not."""
        return {feed for feed, sources in self._sources.items() if node.unique_id in self._descendants(sources)}

    def touched_rows(self, node: Node) -> str | None:
        """Condition on the rows that an incremental node's last build replaced; None if it can only be built whole."""
        key = node.unique_key
        return f"{key} in (select {key} from {PIPELINE}.{node.name}__touched)" if node.is_incremental else None

    def pipeline_of(self, nodes: Collection[Node]) -> list[str]:
        """Names of the pipeline's own nodes that have to be built with these, such as their touched relations."""
        found: set[str] = set()
        waiting = [node.unique_id for node in nodes]
        while waiting:
            parents = self._pipeline.intersection(self.manifest["parent_map"].get(waiting.pop(), ())) - found
            found |= parents
            waiting += parents
        return sorted(self.name_of(unique_id) for unique_id in found)

    def between(self, first: str, last: str) -> list[str]:
        """Names of the nodes by which one reaches another, both included, parents before children."""
        start, end = self._by_name[first], self._by_name[last]
        found = {unique_id for unique_id in self._descendants([start]) if end in self._descendants([unique_id])}
        return [self.nodes[unique_id].name for unique_id in self._order if unique_id in found & self.nodes.keys()]

    def name_of(self, unique_id: str) -> str:
        """Name of a node of any kind."""
        return str(self.manifest["nodes"][unique_id]["name"]) if unique_id in self.manifest["nodes"] else ""

    def tests_of(self, node: Node) -> list[str]:
        """Tests that guard a node, by unique id."""
        return [one for one in self._tests if self.tested_by(one) == node.name]

    def parents_of_test(self, test_id: str) -> list[Node]:
        """The nodes that a test looks at."""
        return [self.nodes[one] for one in self.manifest["nodes"][test_id]["depends_on"]["nodes"] if one in self.nodes]

    def tested_by(self, test_id: str) -> str | None:
        """Name of the model or seed that a test guards, if it guards one."""
        test = self.manifest["nodes"][test_id]
        attached = test.get("attached_node") or next(iter(test["depends_on"]["nodes"]), None)
        return self.nodes[attached].name if attached in self.nodes else None

    def reading_last_good(self, held: Collection[str]) -> dict[str, list[str]]:
        """Nodes that are not held back but read, as it last was, what is; each with what that is."""
        reading = {node.name: sorted(node.last_good & set(held)) for node in self.nodes.values()}
        return {name: parents for name, parents in reading.items() if parents and name not in held}

    def _descendants(self, starts: Collection[str], built: Collection[str] = ()) -> set[str]:
        """The nodes and what is built on them; not what can do with its last good state, if it is among `built`.

        The pipeline's own nodes say which rows to recompute, not what these are made of: they lead nowhere.
        """
        found, waiting = set(), list(starts)
        while waiting:
            unique_id = waiting.pop()
            if unique_id not in found and unique_id not in self._pipeline:
                found.add(unique_id)
                name = self.nodes[unique_id].name if unique_id in self.nodes else ""
                waiting += [
                    child
                    for child in self.manifest["child_map"].get(unique_id, [])
                    if name not in built or child not in self.nodes or name not in self.nodes[child].last_good
                ]
        return found


def _sources_by_feed(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sources that hold rows of each feed: those in force, and those of all revisions."""
    found: dict[str, list[str]] = {}
    for unique_id, source in manifest["sources"].items():
        if feed := (source["config"].get("meta") or {}).get("feed"):
            found.setdefault(feed, []).append(unique_id)
    return found
