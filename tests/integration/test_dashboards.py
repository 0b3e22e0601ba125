"""Superset's dashboards as data: every chart asks for what is published, and for no more than its door shows."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from orchestration.base.settings import PROJECT
from orchestration.evidence.basis import adds_up
from orchestration.evidence.figure import figure_of, published, read
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


def _commands(chart: dict[str, Any], world: World, chosen: str | None) -> Iterator[str]:
    """What a chart's description says to ask, with a row of its relation in place of what a reader fills in."""
    spec = importlib.util.spec_from_file_location("tracing", PROJECT / "bi" / "tracing.py")
    assert spec and spec.loader
    tracing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tracing)
    dataset = DASHBOARDS["datasets"][chart["dataset"]]
    file = DASHBOARDS["databases"][dataset["database"]]["file"]
    schema, name = chart["dataset"].split(".")
    columns = [
        str(column)
        for (column,) in world.query(
            f"select column_name from duckdb_columns() where schema_name = '{schema}' and table_name = '{name}'", file
        )
    ]
    told = tracing.description(chart, dataset, columns, chosen)
    listed = re.search(r"^COLUMN: (.*)", told, re.MULTILINE)
    for command in re.findall(r'ringfence trace "(.*?)"`', told):
        for column in listed[1].split(", ") if listed and "COLUMN" in command else [""]:
            wanted = re.findall(r"(\w+) = '…'", command)
            where = f"where {chart['where']}" if "where" in chart else ""
            rows = world.query(f"select {', '.join(wanted) or 'null'} from {chart['dataset']} {where} limit 1", file)
            filled = command.replace("COLUMN", column)
            for name, value in zip(wanted, rows[0] if rows else [], strict=False):
                filled = filled.replace(f"{name} = '…'", f"{name} = '{value}'")
            yield filled


@pytest.mark.parametrize("title", CHARTS)
def test_every_number_of_a_chart_is_traced_by_what_its_description_says(title: str, published_world: World) -> None:
    chart = CHARTS[title]
    slug = next(name for name, one in DASHBOARDS["dashboards"].items() for row in one["rows"] if chart in row)
    chosen = DASHBOARDS["dashboards"][slug].get("filter", {}).get("column")
    commands = list(_commands(chart, published_world, chosen))
    graph = Graph(dbt.manifest(published_world.settings))
    assert commands or chart["dataset"].startswith("ops.")
    with published(published_world.settings) as (con, _):
        for command in commands:
            figure = figure_of(graph, command, None)
            if "…" not in command:  # there is such a row in this world
                read(con, figure, adds_up=adds_up(graph, figure))


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
