"""A published figure by name: a column of a relation, and which of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from orchestration.base.macros import install_words
from orchestration.base.refusal import Refusal, unknown
from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect, identifier, literal
from orchestration.serving.generations import DOORS, Publication, current_publication, doors, publications
from orchestration.serving.sealed import as_this_version_publishes, readable
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Column, Node

_SPELLED = re.compile(r"\s*([\w.]+?)\s+where\s+(.+)", re.IGNORECASE | re.DOTALL)
_LISTED = 5
_AS_OF = "as_of_date"
#: What stands for a column where the rows of a relation are counted themselves.
_ROWS = Column("*", "bigint", "Number of the relation's rows.", is_required=True)


class FigureError(Refusal):
    """What was named is not one published figure; the message says why."""


@dataclass(frozen=True)
class Figure:
    """A column of a published relation in the rows that `where`, SQL over its columns, picks."""

    node: Node
    column: Column
    where: str

    @property
    def is_number_of(self) -> bool:
        """Whether it is a count or an amount, of which a sum of rows may be asked for."""
        return (self.column.data_type or "").lower() in ("bigint", "hugeint", "integer")

    @property
    def selected(self) -> str:
        """SQL for the figure's column, in each of the rows, or once for all of them."""
        return 'count(*) as "*"' if self.column is _ROWS else identifier(self.column.name)

    @property
    def columns(self) -> list[str]:
        """The columns that it is made of: its own, or the key of the rows that are counted."""
        return [*self.node.key] if self.column is _ROWS else [self.column.name]

    @property
    def name(self) -> str:
        """The relation and the column, as they are asked for."""
        return self.node.relation if self.column is _ROWS else f"{self.node.relation}.{self.column.name}"

    def __str__(self) -> str:
        return f"{self.name} where {self.where}"


@dataclass(frozen=True)
class Read:
    """A figure as published: its value, the rows it stands in, and whose door they were read at.

    `shown` is what the open file shows where that is not the value itself, because small groups are merged there.
    """

    value: Any
    rows: list[dict[str, Any]]
    door: str
    shown: Any

    def is_exact(self, figure: Figure) -> bool:
        """Whether it was read where small groups are not merged, so that single rows add up to it."""
        return self.door == doors(figure.node)[0]


def trace_command(relation: str, column: str, where: str) -> str:
    """The command that traces a figure."""
    return f'ringfence trace "{relation}.{column} where {where}"'


def figure_of(graph: Graph, name: str, where: str | None) -> Figure:
    """The figure `schema.relation.column`, or the number of rows of `schema.relation`.

    Its rows may be picked in the name itself, after `where`.

    Raises:
        UnknownNameError: if there is no such relation or column.
        FigureError: if `where` is not a condition on the relation's own columns.
    """
    if where is None and (spelled := _SPELLED.fullmatch(name)):
        name, where = spelled[1], spelled[2]
    nodes = {node.relation: node for node in graph.published()}
    relation, _, column = (name.strip(), "", _ROWS.name) if name.strip() in nodes else name.strip().rpartition(".")
    if relation not in nodes:
        raise unknown("published relation", relation or name, nodes)
    columns = {entry.name: entry for entry in nodes[relation].columns}
    known = columns | {_ROWS.name: _ROWS}
    if column not in known:
        raise unknown("column", column, columns)
    return Figure(nodes[relation], known[column], _checked(where or "true", columns))


def _checked(where: str, columns: Mapping[str, Column]) -> str:
    """A condition over these columns that asks nothing else: it will stand in a statement that others read."""
    try:
        tree = parse_one(where, dialect="duckdb")
    except SqlglotError:
        raise FigureError(f"--where {where!r} is not a condition in SQL.") from None
    if tree.find(exp.Query, exp.Table, exp.Anonymous, exp.Command, exp.Semicolon) or not isinstance(
        tree, exp.Condition
    ):
        raise FigureError(f"--where {where!r} asks more than the relation's own columns.")
    for column in tree.find_all(exp.Column):
        if column.name not in columns:
            raise unknown("column", column.name, columns)
    return " ".join(where.split())


@contextmanager
def published(
    settings: Settings, generation: str | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Publication]]:
    """A connection with a generation's files (the current one's) attached as `open` and `restricted`, and shared words.

    The second is left out where the reader may not see it.

    Raises:
        FigureError: if nothing is published, or not that.
    """
    kept = {entry.generation: entry for entry in publications(settings)}
    found = kept.get(generation) if generation else current_publication(settings)
    if found is None:
        said = f"There is no generation {generation!r}; `ringfence generations` lists them."
        raise FigureError(said if generation else "Nothing is published yet: `ringfence run` publishes.")
    with ExitStack() as opened, connect(settings) as con:
        for door, (file, _) in DOORS.items():
            path = settings.serving_dir / found.generation / file
            try:
                sealed = opened.enter_context(readable(settings, path))
                con.execute(f"attach {literal(str(sealed))} as {door} (read_only)")
            except (PermissionError, duckdb.IOException):
                if door == "open":
                    raise
        install_words(con)
        with as_this_version_publishes(FigureError):
            yield con, found


def has_restricted(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the restricted file is open to whoever asks."""
    return bool(con.execute("select 1 from duckdb_databases() where database_name = 'restricted'").fetchall())


def rows_sql(figure: Figure, door: str) -> str:
    """The rows in which a figure stands."""
    return f"(select * from {door}.{figure.node.relation} where {figure.where})"


def read(con: duckdb.DuckDBPyConnection, figure: Figure, *, adds_up: bool) -> Read:
    """A figure's value: of one row, the sum of several where its rows `adds_up`, or what several have in common.

    Raises:
        FigureError: if there is no such row, or several that do not add up and differ.
    """
    *_, shown_at = doors(figure.node)
    if shown_at == "restricted" and not has_restricted(con):
        raise FigureError(f"{figure.node.relation} is in the restricted file, which is closed to you.")
    exact = next((door for door in doors(figure.node) if _is_behind(con, figure, door)), shown_at)
    try:
        rows = _rows(con, figure, exact)
    except duckdb.CatalogException:
        raise FigureError(f"{figure.node.relation} is not in this publication (`ringfence status`).") from None
    except duckdb.Error as error:
        raise FigureError(f"--where cannot be asked of {figure.node.relation}: {error}") from None
    if not rows and shown_at != exact:  # a row of merged small groups, which the open file alone has
        exact, rows = shown_at, _rows(con, figure, shown_at)
    if not rows:
        raise FigureError(f"{figure.node.relation} has no row where {figure.where}.")
    if not adds_up and len({row[figure.column.name] for row in rows}) > 1:
        raise FigureError(f"{len(rows)} rows of {figure.node.relation} are so: {_told(figure, rows)}. Name one.")
    value = total([row[figure.column.name] for row in rows], adds_up=adds_up)
    shown = value
    if shown_at != exact:
        hidden = _rows(con, figure, shown_at)
        shown = total([row[figure.column.name] for row in hidden], adds_up=adds_up) if hidden else None
    return Read(value, rows, exact, shown)


def _is_behind(con: duckdb.DuckDBPyConnection, figure: Figure, door: str) -> bool:
    """Whether a publication has the relation behind a door; one of before its mart merged small groups may not."""
    return bool(
        con.execute(
            "select 1 from duckdb_tables() where database_name = $1 and schema_name = $2 and table_name = $3",
            [door, figure.node.schema, figure.node.name],
        ).fetchall()
    )


def span_of(con: duckdb.DuckDBPyConnection, figure: Figure, rows: list[dict[str, Any]]) -> tuple[date, date] | None:
    """The days that a figure speaks of: those of its key, a month whole; else as of which it is; else its incident's.

    None without any.
    """
    days = [
        (day, _month_end(day) if name == "month" else day)
        for names in (figure.node.key, [_AS_OF])
        for name in names
        for row in rows
        if isinstance(day := row.get(name), date)
    ] or con.execute(
        "select starts_on, ends_on from open.core.dim_incident where list_contains($1, incident_id)",
        [list({row["incident_id"] for row in rows if row.get("incident_id")})],
    ).fetchall()
    return (min(first for first, _ in days), max(last for _, last in days)) if days else None


def _month_end(day: date) -> date:
    first_of_next = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date.fromordinal(first_of_next.toordinal() - 1)


def _rows(con: duckdb.DuckDBPyConnection, figure: Figure, door: str) -> list[dict[str, Any]]:
    if figure.column is _ROWS:
        row = con.execute(f"select {figure.selected} from {rows_sql(figure, door)}").fetchone()
        return [{_ROWS.name: row and row[0]}]
    names = [*columns_of(con, f"{door}.{figure.node.relation}")]
    order = ", ".join(identifier(name) for name in figure.node.key) or "all"
    found = con.execute(f"select * from {rows_sql(figure, door)} order by {order}").fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def total(values: list[Any], *, adds_up: bool) -> Any:
    """The value of rows: their sum, or what they have in common; of a single row as it stands."""
    if len(values) == 1 or not adds_up:
        return values[0]
    return sum(value for value in values if value is not None)


def _told(figure: Figure, rows: list[dict[str, Any]]) -> str:
    told = [" and ".join(f"{name} = {literal(str(row[name]))}" for name in figure.node.key) for row in rows[:_LISTED]]
    return "; ".join(told) + ("; …" if len(rows) > _LISTED else "")
