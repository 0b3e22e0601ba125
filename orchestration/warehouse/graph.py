"""Questions to dbt's manifest: which nodes are there, what is built on what, what is held back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

BUILT = ("model", "seed")

#: Tag of what is built for the pipeline itself: which keys of a model are touched, and what it can read.
PIPELINE = "pipeline"
#: Table of schema `raw` that lists all deliveries.
REVISION = "revision"


@dataclass(frozen=True)
class Column:
    """A column as its model's contract declares it; `data_type` is None where a seed leaves it open."""

    name: str
    data_type: str | None
    description: str
    is_required: bool


@dataclass(frozen=True)
class Figures:
    """Figures of a mart that are of the same persons.

    The first of `persons` counts them, each once within a total, so that it adds up. The others count groups that could
    be told from the figures. All are SQL over the mart's columns. Without `columns` they are whatever no other set has.
    Without `persons` they are of nobody in person (cells, or what the press prints). In a mart that says how much was
    known by a day, `of_the_day` are figures of one day, and `flows` those of a day whose sum so far is a figure.
    """

    persons: tuple[str, ...]
    columns: tuple[str, ...] = ()
    of_the_day: bool = False
    flows: tuple[str, ...] = ()


@dataclass(frozen=True)
class SmallGroups:
    """What a mart's `meta.small_groups` says of itself.

    `by` are columns of its key that make groups small, the first to be kept longest; without it, figures do not add up
    over any of them. `within` are lists of SQL over the rest of the key: sums that are known elsewhere. `along` is a
    column of days, of each of which the row says how much was known by then; `ends_at_total` says that the last day's
    figures are exact, because another mart has them.
    """

    figures: tuple[Figures, ...]
    by: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    along: str | None = None
    ends_at_total: bool = False


@dataclass(frozen=True)
class Node:
    """A model or seed of the warehouse; `key` is what its primary-key test says, empty without one.

    `reconciles` is the feed whose rows it follows to the facts; `last_good` names what it may read as it last was.
    `unique_key` is the column by which an incremental model's rows are replaced.
    `file` is the name under which a publication has it as a file, too.
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
    materialized: str = "table"
    unique_key: str | None = None
    file: str | None = None

    @property
    def is_view(self) -> bool:
        """Whether it has no rows of its own."""
        return self.materialized == "view"

    @property
    def is_incremental(self) -> bool:
        """Whether it can be built where deliveries touch it alone."""
        return self.materialized == "incremental"

    @property
    def relation(self) -> str:
        """Its name in the warehouse, schema first."""
        return f"{self.schema}.{self.name}"


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
        keys = _keys(manifest)
        self.nodes = {
            unique_id: _node(node, keys.get(unique_id, ()))
            for unique_id, node in manifest["nodes"].items()
            if _is_built(node) and PIPELINE not in node["tags"]
        }
        self._pipeline = {
            unique_id for unique_id, node in manifest["nodes"].items() if _is_built(node) and PIPELINE in node["tags"]
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
        return sorted((self.nodes[one] for one in parents if one in self.nodes), key=by_name), sorted(feeds)

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


def is_sql(entry: Mapping[str, Any]) -> bool:
    """Whether the manifest's entry of a node is a model written in SQL."""
    return bool(entry["resource_type"] == "model" and entry["language"] == "sql")


def by_name(node: Node) -> str:
    """Sorts nodes."""
    return node.name


def _is_built(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] in BUILT and node["config"]["materialized"] != "ephemeral"


def _sources_by_feed(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sources that hold rows of each feed: those in force, and those of all revisions."""
    found: dict[str, list[str]] = {}
    for unique_id, source in manifest["sources"].items():
        if feed := (source["config"].get("meta") or {}).get("feed"):
            found.setdefault(feed, []).append(unique_id)
    return found


def _node(node: Mapping[str, Any], key: tuple[str, ...]) -> Node:
    meta = node["config"].get("meta") or {}
    return Node(
        node["unique_id"], node["name"], node["schema"], node["resource_type"], frozenset(node["tags"]),
        node.get("description") or "", tuple(_column(column) for column in node["columns"].values()), key,
        _small_groups(meta), meta.get("reconciles"), frozenset(meta.get("last_good", ())),
        node["config"]["materialized"], node["config"].get("unique_key"), meta.get("file"),
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
    if rule is None:
        return None
    figures = [
        Figures(
            tuple(entry["persons"]), tuple(entry.get("columns", ())), entry.get("of_the_day", False),
            tuple(entry.get("flows", ())),
        )
        for entry in rule["figures"]
    ]  # fmt: skip
    return SmallGroups(
        tuple(figures), tuple(rule.get("by", ())), tuple(rule.get("within", ())), rule.get("along"),
        rule.get("ends_at_total", False),
    )  # fmt: skip
