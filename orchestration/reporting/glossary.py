"""`reports/glossary.html`: every published relation and column with its definition, from the models' descriptions."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings, private_dir
from orchestration.serving.generations import DOORS
from orchestration.warehouse.graph import Graph


def write_glossary(settings: Settings, graph: Graph) -> Path:
    """Write the page anew and return where."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("glossary.html").render(
        nodes=sorted(graph.published(), key=lambda node: node.relation),
        files={door: file for door, (file, _) in DOORS.items()},
        threshold=settings.small_group_threshold,
    )
    path = private_dir(settings.reports_dir) / "glossary.html"
    replace_text(path, page)
    return path
