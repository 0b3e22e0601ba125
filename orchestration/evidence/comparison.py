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
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect, exact, literal
from orchestration.contracts import Feed, load_feeds
from orchestration.evidence.basis import Basis, basis_of
from orchestration.evidence.figure import Figure, FigureError, figure_of, has_restricted, published, read
from orchestration.evidence.trace import recount
from orchestration.ingest.receipt import in_force, read_receipts
from orchestration.privacy.custody import key_in_use
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.known_on import built_as_known_on
from orchestration.warehouse.raw_relations import rows_of

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Place:
    """Where a figure is read: an installation, a generation of it (the current one), or as known on a day."""

    settings: Settings
    generation: str | None = None
    known_on: date | None = None

    @property
    def feeds(self) -> dict[str, Feed]:
        """The feeds of the installation."""
        return load_feeds(self.settings)

    def __str__(self) -> str:
        said = [f"generation {self.generation}"] if self.generation else []
        return ", ".join([*said, *([f"known on {self.known_on}"] if self.known_on else [])])


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


@dataclass(frozen=True)
class _Side:
    """One of the two, in a folder of files: its counted rows as `key`, `fact` and `figure`."""

    name: str
    figure: Figure
    basis: Basis
    place: Place
    folder: Path

    def __str__(self) -> str:
        return f"{self.figure} ({self.place})" if str(self.place) else str(self.figure)

    @property
    def feed(self) -> Feed:
        return self.place.feeds[self.basis.facts.feed]

    @property
    def counted(self) -> str:
        return f"read_parquet({literal(exact(self.folder / f'{self.name}.parquet'))})"

    @property
    def facts_file(self) -> Path:
        return self.folder / f"{self.name}-facts.parquet"

    @property
    def facts(self) -> str:
        known = f"read_parquet({literal(exact(self.facts_file))})"
        return known if self.place.known_on else self.basis.published


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
            _side(graph, name, text, place, folder)
            for name, text, place in (("first", first, first_at), ("second", second, second_at))
        ]
        one, other = sides
        if one.basis.name != other.basis.name:
            raise FigureError(f"One counts {one.basis.facts.noun}, the other {other.basis.facts.noun}.")
        _check_keys(one, other)
        first_value, second_value = (_export(side) for side in sides)
        _give_reasons(one, other)
        _give_reasons(other, one)
        with connect(first_at.settings) as con:
            parts = list(_walk(con, one, other))
        return Comparison(str(one), str(other), first_value, second_value, one.basis.facts.noun, parts)


def _check_keys(one: _Side, other: _Side) -> None:
    """Refuse to look for a pseudonym among those of another key."""
    used = {key_in_use(side.place.settings) for side in (one, other)}
    key = next(column for column in one.feed.columns if column.raw_name == one.basis.facts.key)
    if key.pseudonym_kind and len(used) > 1:
        raise FigureError(
            f"The two installations have different pseudonym keys: of their {one.basis.facts.noun}, which is which "
            "cannot be told. Ports and payments can be compared; they have identifiers of their own."
        )


def _side(graph: Graph, name: str, text: str, place: Place, folder: Path) -> _Side:
    figure = figure_of(graph, text, None)
    basis = basis_of(graph, figure)
    if basis is None:
        raise FigureError(f"{figure.node.relation}.{figure.column.name}: which rows it counts is not said by its mart.")
    return _Side(name, figure, basis, place, folder)


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    folder = private_dir(settings.scratch_dir / f"compared-{uuid.uuid4().hex}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _export(side: _Side) -> Any:
    """Write the rows that a side counts; return its value, as published or counted from what was known."""
    if side.place.known_on:
        _export_known(side)
    with _opened(side) as (con, door):
        columns = ", ".join(f"{name} := fact.{name}" for name in side.basis.columns) or "nothing := null"
        con.execute(
            f"copy (select ({side.basis.facts.fact_key})::varchar as key, struct_pack({columns}) as fact, figure "
            f"{side.basis.pairs_sql(door, side.facts)}) to {literal(str(side.folder / f'{side.name}.parquet'))}"
        )
        if side.place.known_on:
            return _value(con, side, side.counted)
        recount(con, side.basis, door)  # refuses what counts a row twice
        return read(con, side.figure, adds_up=side.basis.adds_up).value


def _export_known(side: _Side) -> None:
    """The facts as known at the end of a day, with what they are counted by, and no pseudonym."""
    facts, known_on = side.basis.facts, side.place.known_on
    assert known_on is not None
    names = [*facts.key_columns, *side.basis.columns_with_reasons]
    selected = ", ".join(f"{facts.known_as.get(name, name)} as {name}" for name in names)
    with built_as_known_on(side.place.settings, side.place.feeds, known_on, [facts.known]) as con:
        (relation,) = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where table_name = $1", [facts.known]
        ).fetchone() or ("",)
        con.execute(f"copy (select {selected} from {relation}) to {literal(str(side.facts_file))}")


@contextmanager
def _opened(side: _Side) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    with published(side.place.settings, side.place.generation) as (con, _):
        if not has_restricted(con):
            raise FigureError("Rows are in the restricted file, which is closed to you.")
        found = read(con, side.figure, adds_up=side.basis.adds_up)
        side.basis.check_told(con, found)
        yield con, found.door


def _give_reasons(side: _Side, other: _Side) -> None:
    """Write why a side does not count what the other does, one row per key."""
    facts = side.basis.facts
    with _opened(side) as (con, door):
        con.execute(
            f"create temp table asked as "
            f"from {other.counted} select key where key not in (select key from {side.counted})"
        )
        is_of_other_time = side.place.settings.home == other.place.settings.home and side.place != other.place
        told = _told_since(con, side) if is_of_other_time else "'not in the other one''s extracts'"
        con.execute(
            f"""
            copy (
                with judged as (
                    select ({facts.fact_key})::varchar as key, min({side.basis.left_out_sql()}) as reason
                    {side.basis.crossed_sql(door, side.facts)}
                    where ({facts.fact_key})::varchar in (from asked)
                    group by all
                )
                select asked.key, coalesce(judged.reason, {told}) as reason
                from asked left join judged using (key) {"left join told using (key)" if is_of_other_time else ""}
            ) to {literal(str(side.folder / f"{side.name}-reasons.parquet"))}
            """
        )


def _told_since(con: duckdb.DuckDBPyConnection, side: _Side) -> str:
    """Fill `told` with the revision that told of a key first; return why a row was not known, as SQL."""
    facts, settings = side.basis.facts, side.place.settings
    receipts = in_force(read_receipts(settings.raw_dir, facts.feed))
    con.execute(
        f"create temp table told as select ({facts.event_key})::varchar as key, min(event.rev) as rev "
        f"from ({rows_of(con, settings, side.feed, receipts)}) as event "
        f"where ({facts.event_key})::varchar in (from asked) group by all"
    )
    return "case when told.rev > 1 then 'told by a corrected delivery' else 'told by a later delivery' end"


def _walk(con: duckdb.DuckDBPyConnection, one: _Side, other: _Side) -> Iterator[Part]:
    """From the first figure's rows to the second's, reason by reason."""
    value = _value(con, one, one.counted)
    gone, come = (_reasons(con, side) for side in (other, one))
    for place in range(1, len(gone) + 1):
        kept = _value(con, one, _without(one, other, gone[:place]))
        yield Part(f"the second leaves out: {gone[place - 1][0]}", gone[place - 1][1], kept - value)
        value = kept
    common = _value(con, other, _without(other, one, come))
    if common != value:
        yield Part("made of the same rows in another way", 0, common - value)
    value = common
    for place in range(1, len(come) + 1):
        more = _value(con, other, _without(other, one, come[place:]))
        yield Part(f"the first leaves out: {come[place - 1][0]}", come[place - 1][1], more - value)
        value = more


def _reasons(con: duckdb.DuckDBPyConnection, side: _Side) -> list[tuple[str, int]]:
    """Why a side does not count what the other does, with the number of rows, the most first."""
    return con.execute(
        f"select reason, count(*) as n from {_reasons_sql(side)} group by reason order by n desc, reason"
    ).fetchall()


def _reasons_sql(side: _Side) -> str:
    return f"read_parquet({literal(exact(side.folder / f'{side.name}-reasons.parquet'))})"


def _without(side: _Side, judge: _Side, reasons: list[tuple[str, int]]) -> str:
    """Rows that a side counts, but for those that the other leaves out for these reasons."""
    listed = ", ".join(literal(reason) for reason, _ in reasons) or "null"
    return f"(from {side.counted} where key not in (select key from {_reasons_sql(judge)} where reason in ({listed})))"


def _value(con: duckdb.DuckDBPyConnection, side: _Side, rows: str) -> Any:
    row = con.execute(f"select {side.basis.value_sql('count(*)')} from {rows} as counted").fetchone()
    return (row and row[0]) or 0
