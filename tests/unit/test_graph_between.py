"""What lies between two nodes of the warehouse's graph, and so is built when the first one changes."""

from __future__ import annotations

from typing import Any

from orchestration.warehouse.graph import Graph

PARENTS = {"seed": [], "features": [], "hits": ["seed", "features"], "alerts": ["hits", "seed"], "page": ["alerts"]}


def _node(name: str) -> dict[str, Any]:
    return {
        "unique_id": name, "name": name, "schema": "fraud", "resource_type": "model", "tags": ["stage_marts"],
        "config": {"materialized": "table", "meta": {}}, "description": "", "columns": {}, "path": "x.sql",
        "depends_on": {"nodes": PARENTS[name]},
    }  # fmt: skip


def test_only_what_one_node_reaches_another_by_lies_between_them() -> None:
    children = {name: [child for child, parents in PARENTS.items() if name in parents] for name in PARENTS}
    nodes = {name: _node(name) for name in PARENTS}
    graph = Graph({"nodes": nodes, "sources": {}, "parent_map": PARENTS, "child_map": children})
    assert graph.between("seed", "alerts") == ["seed", "hits", "alerts"]
