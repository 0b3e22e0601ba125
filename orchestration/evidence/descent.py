"""By which models and columns a figure came about, back to the columns of raw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestration.base.settings import Settings
from orchestration.evidence.basis import Basis
from orchestration.evidence.figure import Figure
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.lineage_file import load_lineage


@dataclass(frozen=True)
class Step:
    """One relation on the way, with the columns that the figure is made of, and the checksum of its model's text.

    Raw relations have no model: they are the feeds' own columns.
    """

    relation: str
    columns: list[str]
    model_sha256: str | None


def descent(settings: Settings, graph: Graph, figure: Figure, basis: Basis | None) -> list[Step]:
    """Relations that a figure is made of, the first made first; what rows are counted by belongs to them."""
    columns: dict[str, set[str]] = {}
    waiting = [(figure.node.relation, name) for name in figure.columns]
    if basis:
        waiting += [(basis.relation, name) for name in [basis.facts.key, *basis.columns]]
    lineage = _lineage(settings, graph)
    while waiting:
        relation, column = waiting.pop()
        if column not in columns.setdefault(relation, set()):
            columns[relation].add(column)
            waiting += lineage.get(relation, {}).get(column, [])
    for name in graph.between(basis.name, figure.node.name) if basis else ():
        columns.setdefault(_relations(graph)[name], set())
    order = {node.relation: place for place, node in enumerate(graph.in_order())}
    models = _checksums(graph)
    return [
        Step(relation, sorted(columns[relation]), models.get(relation))
        for relation in sorted(columns, key=lambda name: (order.get(name, -1), name))
    ]


def upstream(graph: Graph, figure: Figure) -> list[str]:
    """Names of all models that a figure's relation is built from, itself included."""
    parents = graph.manifest["parent_map"]
    found: set[str] = set()
    waiting = [figure.node.unique_id]
    while waiting:
        if (unique_id := waiting.pop()) not in found:
            found.add(unique_id)
            waiting += [parent for parent in parents.get(unique_id, ()) if parent in graph.nodes]
    return sorted(graph.nodes[unique_id].name for unique_id in found)


def checksums_of(graph: Graph, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the text of these models, by name."""
    wanted = set(names)
    return {
        node.name: graph.manifest["nodes"][unique_id]["checksum"]["checksum"]
        for unique_id, node in graph.nodes.items()
        if node.name in wanted
    }


def python_models(graph: Graph) -> set[str]:
    """Names of the models that are written in Python: statistics, whose values are estimates."""
    nodes = graph.manifest["nodes"]
    return {node.name for unique_id, node in graph.nodes.items() if nodes[unique_id].get("language") == "python"}


def _relations(graph: Graph) -> dict[str, str]:
    return {node.name: node.relation for node in graph.nodes.values()}


def _checksums(graph: Graph) -> dict[str, str]:
    relations = _relations(graph)
    return {relations[name]: checksum for name, checksum in checksums_of(graph, relations).items()}


def _lineage(settings: Settings, graph: Graph) -> Mapping[str, Mapping[str, list[tuple[str, str]]]]:
    """Per relation, per column: what it comes from, as the last run has read it from the models."""
    return {
        graph.nodes[unique_id].relation: {
            column: [(f"{schema}.{name}", source) for schema, name, source in sources]
            for column, sources in found["columns"].items()
        }
        for unique_id, found in load_lineage(settings).items()
        if unique_id in graph.nodes
    }
