"""Figures that `figures.yaml` names, read from the published file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict

_FILE = Path(__file__).with_name("figures.yaml")

Unit = Literal["count", "signed", "money", "pct", "hours"]


class Figure(BaseModel):
    """One number: SQL over one mart, and the column that defines it; with the ends of its interval, and the coverage of
    the sample that it rests on.
    """

    model_config = ConfigDict(extra="forbid")

    label: str
    relation: str
    column: str
    value: str
    where: str
    unit: Unit
    low: str | None = None
    high: str | None = None
    coverage_pct: str | None = None


class Section(BaseModel):
    """Figures that stand together."""

    model_config = ConfigDict(extra="forbid")

    section: str
    figures: list[Figure]


@dataclass(frozen=True)
class ReadFigure:
    """A figure as read; what no row has is None."""

    figure: Figure
    value: Any
    low: Any
    high: Any
    coverage_pct: float | None


@dataclass(frozen=True)
class ReadSection:
    """A section as read, and the marts that are not published."""

    title: str
    figures: list[ReadFigure]
    unpublished: list[str]


def load_sections() -> list[Section]:
    """What the report shows, section by section."""
    return [Section.model_validate(entry) for entry in yaml.safe_load(_FILE.read_text("utf-8"))]


def read_sections(con: duckdb.DuckDBPyConnection, published: set[str]) -> list[ReadSection]:
    """Read every figure whose mart is published; `as_of` and `incident` are variables of the connection."""
    return [
        ReadSection(
            section.section,
            [_read(con, figure) for figure in section.figures if figure.relation in published],
            sorted({figure.relation for figure in section.figures} - published),
        )
        for section in load_sections()
    ]


def _read(con: duckdb.DuckDBPyConnection, figure: Figure) -> ReadFigure:
    columns = [figure.value, figure.low or "null", figure.high or "null", figure.coverage_pct or "null"]
    row = con.execute(f"select {', '.join(columns)} from {figure.relation} where {figure.where}").fetchone()
    assert row is not None, "an aggregate has a row"
    return ReadFigure(figure, *row)
