"""A Parquet file before its rows are read: what each column that the contract asks for is, and text kept as bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.base.sql import exact, identifier
from orchestration.ingest.faults import RefusedError
from orchestration.ingest.names import scratch_name
from orchestration.ingest.typed import family

_BATCH_ROWS = 65_536
_MOST_DIGITS = 38  # of DuckDB's decimals; it reads wider ones as floating-point numbers, and wrongly
#: Spark and Hive, which write by this library, keep instants in UTC in an INT96; others keep what the clock showed.
_INT96_IN_UTC = "parquet-mr"


@dataclass(frozen=True)
class Cell:
    """A column of a Parquet file: its name, SQL for its value, and the DuckDB type of that."""

    name: str
    sql: str
    type: str


def read_cells(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[Cell, ...]:
    """The columns of a file, as DuckDB has them."""
    described = con.execute(
        "describe select * from read_parquet($1, hive_partitioning = false)", [exact(path)]
    ).fetchall()
    return tuple(Cell(name, identifier(name), type_) for name, type_, *_ in described)


def prove(path: Path, name: str, cells: Sequence[Cell]) -> dict[str, Cell]:
    """Columns that mean something else than DuckDB's type says, by name.

    Raises:
        RefusedError: naming the column that holds no single values, or more digits than there is room for.
    """
    for cell in cells:
        if family(cell.type) is None:
            raise RefusedError(f"{name}: column {cell.name!r} is of type {cell.type}, not one value per row")
    metadata = pq.read_metadata(path)
    is_in_utc = str(metadata.created_by or "").startswith(_INT96_IN_UTC)
    found = {}
    leaves = {leaf.path: leaf for leaf in map(metadata.schema.column, range(metadata.num_columns))}
    for cell in cells:
        leaf = leaves.get(cell.name)
        if leaf is None:
            continue
        if (digits := _digits(leaf)) > _MOST_DIGITS:
            raise RefusedError(f"{name}: column {cell.name!r} has decimals of {digits} digits, and 38 are the most")
        if leaf.physical_type == "INT96" and is_in_utc:
            found[cell.name] = Cell(cell.name, f"timezone('UTC', {cell.sql})", "TIMESTAMP WITH TIME ZONE")
    return found


def _digits(leaf: Any) -> int:
    logical = json.loads(leaf.logical_type.to_json())
    return int(logical["precision"]) if logical["Type"] == "Decimal" else 0


def decode(path: Path, name: str, wanted: Sequence[str], bytes_: Sequence[str], encoding: str, scratch: Path) -> Path:
    """Write a copy with the wanted columns only, of which those of bytes are text in the encoding, every byte proven.

    Raises:
        RefusedError: naming the column that is not in the encoding.
    """
    copy = scratch_name(path, scratch, ".decoded.parquet")
    writer: pq.ParquetWriter | None = None
    file = pq.ParquetFile(path, coerce_int96_timestamp_unit="us")
    try:
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(wanted)):
            columns = {
                header: _text(column, encoding, f"{name}: column {header!r}") if header in bytes_ else column
                for header, column in zip(batch.schema.names, batch.columns, strict=True)
            }
            table = pa.table(columns)
            writer = writer or pq.ParquetWriter(copy, table.schema)
            writer.write_table(table)
    finally:
        if writer:
            writer.close()
    return copy if writer else path


def _text(column: pa.Array, encoding: str, place: str) -> pa.Array:
    """Bytes as text; what was padded to a fixed width loses its zeros."""
    padding = b"\0" if pa.types.is_fixed_size_binary(column.type) else b""
    try:
        texts = [None if cell is None else cell.rstrip(padding).decode(encoding) for cell in column.to_pylist()]
    except UnicodeError:
        raise RefusedError(f"{place} is not text in {encoding}") from None
    return pa.array(texts, pa.string())
