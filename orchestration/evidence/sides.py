"""One side of a comparison: where a figure is read, the rows that it counts, and why it leaves out the other's.

Each side is in files of a folder, since the two may be of different installations: no connection sees both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from math import isnan
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import exact, literal, one_value
from orchestration.contracts import Feed, load_feeds
from orchestration.evidence.basis import Basis, basis_of
from orchestration.evidence.figure import Figure, FigureError, figure_of, has_restricted, published, read
from orchestration.evidence.trace import recount
from orchestration.ingest.receipt import in_force, read_receipts
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.known_on import built_as_known_on
from orchestration.warehouse.raw_relations import rows_of


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
class Side:
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
        """The feed that its rows come from."""
        return self.place.feeds[self.basis.facts.feed]

    @property
    def counted(self) -> str:
        """SQL of the rows that it counts."""
        return f"read_parquet({literal(exact(self.folder / f'{self.name}.parquet'))})"

    @property
    def facts_file(self) -> Path:
        """Where its facts are as known on a day, if it is read so."""
        return self.folder / f"{self.name}-facts.parquet"

    @property
    def facts(self) -> str:
        """SQL of its facts."""
        known = f"read_parquet({literal(exact(self.facts_file))})"
        return known if self.place.known_on else self.basis.published


def side_of(graph: Graph, name: str, text: str, place: Place, folder: Path) -> Side:
    """A side by the figure's name.

    Raises:
        FigureError: if its mart does not say which rows it counts.
    """
    figure = figure_of(graph, text, None)
    basis = basis_of(graph, figure)
    if basis is None:
        raise FigureError(f"{figure.node.relation}.{figure.column.name}: which rows it counts is not said by its mart.")
    return Side(name, figure, basis, place, folder)


def export(side: Side) -> Any:
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
            return value_of(con, side, side.counted)
        recount(con, side.basis, door)  # refuses what counts a row twice
        return read(con, side.figure, adds_up=side.basis.adds_up).value


def _export_known(side: Side) -> None:
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
def _opened(side: Side) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    with published(side.place.settings, side.place.generation) as (con, _):
        if not has_restricted(con):
            raise FigureError("Rows are in the restricted file, which is closed to you.")
        found = read(con, side.figure, adds_up=side.basis.adds_up)
        side.basis.check_told(con, found)
        yield con, found.door


def give_reasons(side: Side, other: Side) -> None:
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


def _told_since(con: duckdb.DuckDBPyConnection, side: Side) -> str:
    """Fill `told` with the revision that told of a key first; return why a row was not known, as SQL."""
    facts, settings = side.basis.facts, side.place.settings
    receipts = in_force(read_receipts(settings.raw_dir, facts.feed))
    con.execute(
        f"create temp table told as select ({facts.event_key})::varchar as key, min(event.rev) as rev "
        f"from ({rows_of(con, settings, side.feed, receipts)}) as event "
        f"where ({facts.event_key})::varchar in (from asked) group by all"
    )
    return "case when told.rev > 1 then 'told by a corrected delivery' else 'told by a later delivery' end"


def reasons(con: duckdb.DuckDBPyConnection, side: Side) -> list[tuple[str, int]]:
    """Why a side does not count what the other does, with the number of rows, the most first."""
    return con.execute(
        f"select reason, count(*) as n from {_reasons_sql(side)} group by reason order by n desc, reason"
    ).fetchall()


def _reasons_sql(side: Side) -> str:
    return f"read_parquet({literal(exact(side.folder / f'{side.name}-reasons.parquet'))})"


def without(side: Side, judge: Side, reasons: list[tuple[str, int]]) -> str:
    """Rows that a side counts, but for those that the other leaves out for these reasons."""
    listed = ", ".join(literal(reason) for reason, _ in reasons) or "null"
    return f"(from {side.counted} where key not in (select key from {_reasons_sql(judge)} where reason in ({listed})))"


def value_of(con: duckdb.DuckDBPyConnection, side: Side, rows: str) -> Any:
    """What a side makes of rows; 0 of none, also where that is a share of nothing."""
    value = one_value(con, f"select {side.basis.value_sql('count(*)')} from {rows} as counted")
    return 0 if value is None or isnan(value) else value
