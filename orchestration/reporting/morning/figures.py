"""Figures that `figures.yaml` names, read from the published file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict

from orchestration.base.sql import literal
from orchestration.reporting.morning.known import Known

_FILE = Path(__file__).with_name("figures.yaml")

Unit = Literal["count", "signed", "money", "pct", "hours", "times"]


class Coverage(BaseModel):
    """What a figure speaks of: the columns beside it with a part and the whole of something, or with a part alone.

    `pct` is the column with their quotient, the same in all rows that the figure stands in.
    """

    model_config = ConfigDict(extra="forbid")

    part: str
    whole: str | None = None
    pct: str | None = None
    what: str


class Figure(BaseModel):
    """One number: SQL over one mart, and the column that defines it; with the columns beside it that have the ends of
    its interval, and the coverage of the sample that it rests on.

    It is known for a day if its `feeds` are in for that day; `days` is how many it sums over. `on` is SQL for the day
    that it is of, where that may be an earlier one. `traced` is the condition by which `ringfence trace` finds it, if
    that is another one than `where`; in it, getvariable('on') is the day that it is of.
    """

    model_config = ConfigDict(extra="forbid")

    label: str
    relation: str
    column: str
    value: str
    where: str
    unit: Unit
    feeds: list[str]
    low: str | None = None
    high: str | None = None
    coverage_pct: str | None = None
    days: int = 1
    on: str = "null"
    traced: str | None = None
    coverage: Coverage | None = None

    @property
    def is_of_incident(self) -> bool:
        """Whether it is read for an incident, not for the day alone."""
        return "getvariable('incident" in self.where

    @property
    def is_of_earlier(self) -> bool:
        """Whether it may be of an earlier day, such as the last month that is over."""
        return self.on != "null"

    def beside(self, column: str | None) -> str:
        """SQL for another column of the row that the figure stands in."""
        return self.value.replace(self.column, column) if column else "null"


class Section(BaseModel):
    """Figures that stand together."""

    model_config = ConfigDict(extra="forbid")

    section: str
    figures: list[Figure]


@dataclass(frozen=True)
class ReadFigure:
    """A figure as read: its value, None where nobody knows it, and the day `known_to` which it is known.

    `lacking` are days that it should sum over and does not; `on` is the day that it is of if that is an earlier one. It
    `is_void` if its incident has no such thing, like the waiver of one without.
    """

    figure: Figure
    value: Any
    known_to: date | None
    lacking: list[date]
    on: date | None
    part: int | None
    whole: int | None
    part_pct: float | None
    low: Any
    high: Any
    coverage_pct: float | None
    is_void: bool
    where: str


@dataclass(frozen=True)
class ReadSection:
    """A section as read, and the marts that are not published."""

    title: str
    figures: list[ReadFigure]
    unpublished: list[str]


def load_sections() -> list[Section]:
    """What the report shows, section by section."""
    return [Section.model_validate(entry) for entry in yaml.safe_load(_FILE.read_text("utf-8"))]


def read_sections(
    con: duckdb.DuckDBPyConnection, known: Known, published: set[str], *, has_incident: bool
) -> Iterator[ReadSection]:
    """Read every figure whose mart is published; `as_of` and `incident` are variables of the connection.

    Without an incident, its figures are left out.
    """
    for section in load_sections():
        figures = [figure for figure in section.figures if has_incident or not figure.is_of_incident]
        if figures:
            yield ReadSection(
                section.section,
                [_read(con, known, figure) for figure in figures if figure.relation in published],
                sorted({figure.relation for figure in figures} - published),
            )


def _read(con: duckdb.DuckDBPyConnection, known: Known, figure: Figure) -> ReadFigure:
    known_to = known.through_of(figure.relation, figure.feeds)
    if known_to != known.day:
        where = _where(con, figure, None)
        return ReadFigure(
            figure, None, known_to, [], None, None, None, None, None, None, None, is_void=False, where=where
        )
    told = figure.coverage
    part, whole, pct = (told.part, told.whole, told.pct) if told else (None, None, None)
    beside = ", ".join(figure.beside(column) for column in (part, whole, figure.low, figure.high))
    beside += f", {figure.beside(pct).replace('sum(', 'max(')}"
    row = con.execute(
        f"select {figure.value}, {figure.on}, {beside}, max({figure.coverage_pct or 'null'}) "
        f"from {figure.relation} where {figure.where}"
    ).fetchone()
    assert row is not None
    value, on, part, whole, low, high, pct, coverage_pct = row
    lacking = known.lacking(figure.feeds, figure.days)
    is_void = value is None and (figure.is_of_incident or figure.is_of_earlier)  # there is nothing yet that it is of
    earlier = on if on != known.day else None
    where = _where(con, figure, on)
    return ReadFigure(
        figure, value, known_to, lacking, earlier, part, whole, pct, low, high, coverage_pct, is_void, where
    )


def _where(con: duckdb.DuckDBPyConnection, figure: Figure, on: date | None) -> str:
    """The condition by which the figure is traced: with values for its variables."""
    where = " ".join((figure.traced or figure.where).split())
    [(as_of, *texts)] = con.execute(
        "select getvariable('as_of'), getvariable('incident'), getvariable('incident_group')"
    ).fetchall()
    values = {"as_of": f"date '{as_of}'", "on": f"date '{on or as_of}'"}
    values |= {name: literal(str(text)) for name, text in zip(("incident", "incident_group"), texts, strict=True)}
    for name, value in values.items():
        where = where.replace(f"getvariable('{name}')", value)
    return where
