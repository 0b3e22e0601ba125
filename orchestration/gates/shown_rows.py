"""The rows that failed, as people may see them: a few, by partition, with what may be a phone number masked."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb

from orchestration.base.sql import literal
from orchestration.gates.outcome import Outcome
from orchestration.privacy.masking import mask_callable, mask_digits

MAX_EXAMPLES = 5

# An integer of ten digits or more is taken for a phone number that lost its zero.
_LEAST_PHONE_AS_INTEGER = 10**9

_PSEUDONYM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: Rows by column, as JSON values, masked.
Rows = tuple[Mapping[str, Any], ...]


def in_partitions(column: str, partitions: Collection[str | None]) -> str:
    """SQL for: a row is of one of these partitions."""
    named = ", ".join(literal(partition) for partition in partitions if partition is not None)
    conditions = [f"{column} in ({named})"] if named else []
    conditions += [f"{column} is null"] if None in partitions else []
    return " or ".join(conditions) or "false"


def by_partition(con: duckdb.DuckDBPyConnection, column: str, aggregate: str, rows: str) -> dict[str | None, Any]:
    """An aggregate of rows by partition, in order."""
    sql = f"select cast({column} as varchar) as partition, {aggregate} from {rows} group by all order by partition"
    return dict(con.execute(sql).fetchall())


def rows_by_partition(
    con: duckdb.DuckDBPyConnection, column: str, rows: str, partitions: Collection[str | None], limit: int
) -> dict[str | None, Rows]:
    """The first rows of each of these partitions, masked."""
    narrowed = f"(select * from {rows} where {in_partitions(column, partitions)})"
    found = by_partition(con, column, f"arg_min(failing, 0, {limit})", f"{narrowed} as failing")
    return {partition: tuple(_masked(row) for row in first) for partition, first in found.items()}


def failing_rows(con: duckdb.DuckDBPyConnection, failures: Sequence[Outcome], limit: int) -> list[Rows]:
    """The first rows, masked, of each recorded failure of one expectation; none where no single row is to blame.

    Failures in many partitions are one query: what finds the rows may take long, whatever it is narrowed to.
    """
    column, everywhere = failures[0].partition_by, failures[0].unpartitioned_sql
    if column is None or everywhere is None:
        queries = [failure.failing_rows_sql for failure in failures]
        return [masked_rows(con, sql, limit) if sql else () for sql in queries]
    partitions = [failure.partition for failure in failures]
    found = rows_by_partition(con, column, f"({everywhere})", partitions, limit)
    return [found.get(partition, ()) for partition in partitions]


def masked_rows(con: duckdb.DuckDBPyConnection, sql: str, limit: int = MAX_EXAMPLES) -> Rows:
    """The first rows of a query by column, as JSON values; what may be a phone number is masked."""
    result = con.execute(f"select * from ({sql}) limit {limit}")
    columns = [column[0] for column in result.description]
    return tuple(_masked(dict(zip(columns, row, strict=True))) for row in result.fetchall())


def to_keep(rows: Rows) -> Rows:
    """Masked rows as they may be written down: without pseudonyms, which an erasure would not find there."""
    return tuple({column: _without_pseudonyms(cell) for column, cell in row.items()} for row in rows)


def seen_to_keep(observed: Any, most: int) -> Any:
    """What an aggregate has seen, a JSON value, as it may be written down, and of a list so many parts at `most`.

    A number by itself is a count or a sum, and of no row: it is not masked.
    """
    if isinstance(observed, Mapping):
        return {name: seen_to_keep(part, most) for name, part in observed.items()}
    if isinstance(observed, list):
        more = len(observed) - most
        rest = [f"and {more:,} more"] if more > 0 else []
        return [*(shown(_without_pseudonyms(part)) for part in observed[:most]), *rest]
    return observed if isinstance(observed, int | float) else shown(_without_pseudonyms(observed))


def _without_pseudonyms(cell: Any) -> Any:
    return _PSEUDONYM.sub("***", cell) if isinstance(cell, str) else cell


def _masked(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {column: shown(cell) for column, cell in row.items()}


def shown(cell: Any) -> Any:
    """A cell as a JSON value, digits masked if it may be a phone number."""
    if cell is None or isinstance(cell, bool | float):
        return cell
    if isinstance(cell, Decimal) and abs(cell) < _LEAST_PHONE_AS_INTEGER:
        return float(cell)
    if isinstance(cell, int):
        return mask_digits(str(cell)) if abs(cell) >= _LEAST_PHONE_AS_INTEGER else cell
    if isinstance(cell, dt.date | dt.time | uuid.UUID):
        return str(cell)
    return mask_callable(str(cell))
