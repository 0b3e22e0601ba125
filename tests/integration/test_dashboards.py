"""Superset's dashboards as data: every chart asks for what is published, and for no more than its door shows."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from orchestration.base.settings import PROJECT
from orchestration.serving.build import doors
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.world import World

DASHBOARDS = yaml.safe_load((PROJECT / "bi" / "dashboards.yaml").read_text("utf-8"))
CHARTS = {
    chart["title"]: chart
    for dashboard in DASHBOARDS["dashboards"].values()
    for row in dashboard["rows"]
    for chart in row
}


def _selected(chart: dict[str, Any]) -> list[str]:
    """SQL of everything that a chart shows."""
    params = chart["params"]
    parts = [*params.get("groupby", []), *params.get("all_columns", []), params.get("x_axis"), params.get("metric")]
    parts += [*params.get("metrics", {}).values(), *params.get("metrics_b", {}).values()]
    return [part for part in parts if part]


@pytest.mark.parametrize("title", CHARTS)
def test_a_chart_reads_published_columns(title: str, published_world: World) -> None:
    chart = CHARTS[title]
    dataset = DASHBOARDS["datasets"][chart["dataset"]]
    file = DASHBOARDS["databases"][dataset["database"]]["file"]
    where = f"where {chart['where']}" if "where" in chart else ""
    grouped = "group by all" if chart["params"].get("query_mode") != "raw" else ""
    published_world.query(
        f"select {', '.join(_selected(chart))} from {chart['dataset']} {where} {grouped} limit 1", file
    )


def test_the_exodus_is_for_everybody_the_fraud_desk_is_not_and_dbt_knows_who_reads_what(
    published_world: World,
) -> None:
    manifest = dbt.manifest(published_world.settings)
    nodes = {node.relation: node for node in Graph(manifest).published()}
    read: dict[str, set[str]] = {}
    for slug, dashboard in DASHBOARDS["dashboards"].items():
        used = {chart["dataset"] for row in dashboard["rows"] for chart in row}
        read[slug] = {nodes[relation].name for relation in used if relation in nodes}
        databases = {DASHBOARDS["datasets"][relation]["database"] for relation in used}
        assert databases == {"exodus": {"open"}, "fraud-desk": {"restricted"}}[slug]
        for relation in used & nodes.keys():
            assert DASHBOARDS["datasets"][relation]["database"] in doors(nodes[relation])
    exposures = {
        exposure["url"].rstrip("/").rsplit("/", 1)[-1]: {
            name.rsplit(".", 1)[-1] for name in exposure["depends_on"]["nodes"]
        }
        for exposure in manifest["exposures"].values()
        if exposure["url"]
    }
    assert exposures == read
