"""`reports/glossary.html`: every published relation and column with its definition, from the models' descriptions."""

from __future__ import annotations

from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.reporting.pages import environment, write_page
from orchestration.serving.generations import DOORS
from orchestration.warehouse.graph import Graph


def write_glossary(settings: Settings, graph: Graph) -> Path:
    """Write the page anew and return where."""
    page = (
        environment(settings)
        .get_template("glossary.html")
        .render(
            nodes=sorted(graph.published(), key=lambda node: node.relation),
            files={door: file for door, (file, _) in DOORS.items()},
            threshold=settings.small_group_threshold,
        )
    )
    return write_page(settings, "glossary.html", page)
