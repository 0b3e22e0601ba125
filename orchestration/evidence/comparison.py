"""Why two figures differ: the rows that only one of them counts, by the reason why the other does not.

From the one figure's rows to the other's is a walk: what only the first counts is taken out reason by reason, what is
made of the rest is made as the second makes it, what only the second counts is put in. Each step's effect on the value
is a part of the difference, so that parts add up whatever is made of the rows, a count, an amount or a share. What no
step explains is said to be unexplained.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect
from orchestration.evidence.basis import basis_of
from orchestration.evidence.figure import FigureError, figure_of, published, read
from orchestration.evidence.sides import Place, Side, export, give_reasons, reasons, side_of, value_of, without
from orchestration.privacy.custody import key_in_use
from orchestration.warehouse.graph import Graph

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Part:
    """One named part of the difference: rows that it moves, and its effect on the value."""

    name: str
    rows: int
    effect: float


@dataclass(frozen=True)
class Comparison:
    """Two figures and the parts of what the second is more than the first; `noun` is what they count."""

    first: str
    second: str
    first_value: float
    second_value: float
    noun: str
    parts: list[Part]

    @property
    def difference(self) -> float:
        """What the second is more than the first."""
        return self.second_value - self.first_value

    @property
    def unexplained(self) -> float:
        """What no part explains."""
        rest = self.difference - sum(part.effect for part in self.parts)
        return 0 if abs(rest) < _ROUNDING else rest


def compare_printed(graph: Graph, name: str, printed: float, place: Place) -> Comparison:
    """A figure, as what a printed value is presumed to be, against that value: all of the difference is unexplained."""
    figure = figure_of(graph, name, None)
    basis = basis_of(graph, figure)
    with published(place.settings, place.generation) as (con, _):
        value = read(con, figure, adds_up=basis is not None and basis.adds_up).value
    return Comparison(str(figure), "as printed", value, printed, basis.facts.noun if basis else "", [])


def compare_figures(graph: Graph, first: str, second: str, first_at: Place, second_at: Place) -> Comparison:
    """Explain what the second figure is more than the first.

    Raises:
        FigureError: if one is not a published figure whose rows are known, or they count different kinds of rows, or
            rows that two pseudonym keys name differently.
        UnknownNameError: if a relation or column has no such name.
    """
    with _folder(first_at.settings) as folder:
        sides = [
            side_of(graph, name, text, place, folder)
            for name, text, place in (("first", first, first_at), ("second", second, second_at))
        ]
        one, other = sides
        if one.basis.name != other.basis.name:
            raise FigureError(f"One counts {one.basis.facts.noun}, the other {other.basis.facts.noun}.")
        _check_keys(one, other)
        first_value, second_value = (export(side) for side in sides)
        give_reasons(one, other)
        give_reasons(other, one)
        with connect(first_at.settings) as con:
            parts = list(_walk(con, one, other))
        return Comparison(str(one), str(other), first_value, second_value, one.basis.facts.noun, parts)


def _check_keys(one: Side, other: Side) -> None:
    """Refuse to look for a pseudonym among those of another key."""
    used = {key_in_use(side.place.settings) for side in (one, other)}
    key = next(column for column in one.feed.columns if column.raw_name == one.basis.facts.key)
    if key.pseudonym_kind and len(used) > 1:
        raise FigureError(
            f"The two installations have different pseudonym keys: of their {one.basis.facts.noun}, which is which "
            "cannot be told. Ports and payments can be compared; they have identifiers of their own."
        )


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    folder = private_dir(settings.scratch_dir / f"compared-{uuid.uuid4().hex}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _walk(con: duckdb.DuckDBPyConnection, one: Side, other: Side) -> Iterator[Part]:
    """From the first figure's rows to the second's, reason by reason."""
    value = value_of(con, one, one.counted)
    gone, come = (reasons(con, side) for side in (other, one))
    for place in range(1, len(gone) + 1):
        kept = value_of(con, one, without(one, other, gone[:place]))
        yield Part(f"the second leaves out: {gone[place - 1][0]}", gone[place - 1][1], kept - value)
        value = kept
    common = value_of(con, other, without(other, one, come))
    if common != value:
        yield Part("made of the same rows in another way", 0, common - value)
    value = common
    for place in range(1, len(come) + 1):
        more = value_of(con, other, without(other, one, come[place:]))
        yield Part(f"the first leaves out: {come[place - 1][0]}", come[place - 1][1], more - value)
        value = more
