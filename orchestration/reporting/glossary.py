"""`reports/glossary.html`: every published relation and column with its definition, from the models' descriptions.

The terms of the field, and what is not modelled, come before them: from `docs/terms.md`. What they are called in
another language stands beside them where that is the site's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from babel import Locale

from orchestration.base.settings import PROJECT, Settings
from orchestration.reporting.pages import environment, write_page
from orchestration.serving.generations import DOORS
from orchestration.serving.ops_tables import TABLES
from orchestration.warehouse.graph import Graph

TERMS = PROJECT / "docs" / "terms.md"


@dataclass
class Terms:
    """A section of the page of terms: rows (term, its name in `language`, meaning), and notes (term, meaning)."""

    title: str
    language: str
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def read_terms() -> list[Terms]:
    """The sections of `docs/terms.md`, without its marks."""
    sections: list[Terms] = []
    for title, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TERMS.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        plain = body.replace("`", "")
        lines = re.findall(r"^\|(.+)\|$", plain, re.MULTILINE)
        rows = [tuple(cell.strip() for cell in line.split("|")) for line in lines]
        notes = re.findall(r"^- \*\*(.+?)\*\*:? ?(.*?)(?=\n- |\Z)", plain, re.MULTILINE | re.DOTALL)
        language = rows[0][1] if rows else ""
        sections.append(
            Terms(title, language, rows[2:], [(term, " ".join(meaning.split())) for term, meaning in notes])
        )
    return sections


def write_glossary(settings: Settings, graph: Graph) -> Path:
    """Write the page anew and return where."""
    spoken = Locale.parse(f"und_{settings.site_profile.country}")
    page = (
        environment(settings)
        .get_template("glossary.html")
        .render(
            terms=read_terms(),
            language={"code": spoken.language, "name": spoken.get_language_name("en")},
            nodes=sorted([*graph.published(), *TABLES.values()], key=lambda node: node.relation),
            files={door: file for door, (file, _) in DOORS.items()},
            threshold=settings.small_group_threshold,
        )
    )
    return write_page(settings, "glossary.html", page)
