"""How one file's columns map onto the contract's, and the SQL that reads it as text.

A header matches a contract's column if, trimmed, with inner white space folded and case ignored, it is one of the
column's `sourceHeader`s or its name. Where a file repeats a header, the contract's columns that claim it take
its occurrences in order.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from orchestration.base.sql import exact, identifier, literal
from orchestration.contracts import Column, Feed
from orchestration.ingest.delivery import RefusedError
from orchestration.ingest.survey import Survey
from orchestration.privacy import mask_digits

_LONGEST_NAME = 80
_SUSPICIOUS_DIGITS = 5


@dataclass(frozen=True)
class Layout:
    """Files with the same layout are read by one statement.

    `positions` holds, per column of the contract, its place in the file, or None where an optional one is absent.
    `types` are a Parquet file's own, and empty for CSV.
    """

    is_parquet: bool
    header: tuple[str, ...]
    positions: tuple[int | None, ...]
    unknown: tuple[str, ...]
    types: tuple[str, ...] = ()


def read_layout(con: duckdb.DuckDBPyConnection, surveyed: Survey, feed: Feed) -> Layout:
    """Match a file's header with the contract.

    Raises:
        RefusedError: naming the file and the column that is missing, or why there is no header to read.
    """
    path = surveyed.path
    if path.name.endswith(".parquet"):
        try:
            described = con.execute(
                "describe select * from read_parquet($1, hive_partitioning = false)", [exact(path)]
            ).fetchall()
        except (duckdb.InvalidInputException, duckdb.IOException) as error:
            raise RefusedError(f"{path.name}: not a Parquet file ({type(error).__name__})") from error
        header = tuple(row[0] for row in described)
        types = tuple(row[1] for row in described)
    else:
        header, types = _csv_header(surveyed.header, feed, path.name), ()
    positions, unknown = _match(header, feed, path.name)
    return Layout(bool(types), header, positions, unknown, types)


def source_sql(layout: Layout, feed: Feed, zone: str) -> str:
    """SQL reading the files bound as $1 into one text column per column of the contract, and `file_index`."""
    if layout.is_parquet:
        cells = [_parquet_cell(name, type_, feed, zone) for name, type_ in _zip(layout)]
        relation = "read_parquet($1, hive_partitioning = false)"
    else:
        cells = [f"c{index}" for index in range(len(layout.header))]
        columns = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells)
        relation = (
            f"read_csv($1, header = false, skip = 1, auto_detect = false, columns = {{{columns}}}, "
            f"delim = {literal(feed.delimiter)}, quote = {literal(feed.quote)}, "
            f"escape = {literal(feed.quote)}, store_rejects = true)"
        )
    selected = [
        f"{_trimmed(cells[position])} as {identifier(text_name(column))}"
        if position is not None
        else f"cast(null as varchar) as {identifier(text_name(column))}"
        for column, position in zip(feed.columns, layout.positions, strict=True)
    ]
    return f"select {', '.join(selected)}, file_index from {relation}"


def _trimmed(cell: str) -> str:
    """A cell without spaces around it, null if nothing is left; the guard saves two thirds of a trim of every cell."""
    is_padded = f"prefix({cell}, ' ') or suffix({cell}, ' ')"
    return f"case when {is_padded} then nullif(trim({cell}), '') else nullif({cell}, '') end"


def text_name(column: Column) -> str:
    """Name of the text of a column, as read, beside its typed value."""
    return f"_text_{column.name}"


def _csv_header(line: str, feed: Feed, file: str) -> tuple[str, ...]:
    try:
        if feed.quote:
            header = next(csv.reader([line], delimiter=feed.delimiter, quotechar=feed.quote), [])
        else:
            header = next(csv.reader([line], delimiter=feed.delimiter, quoting=csv.QUOTE_NONE), [])
    except csv.Error:
        raise RefusedError(f"{file}, line 1: is no header") from None
    if not any(name.strip() for name in header):
        raise RefusedError(f"{file}, line 1: there is no header")
    return tuple(header)


def _match(header: tuple[str, ...], feed: Feed, file: str) -> tuple[tuple[int | None, ...], tuple[str, ...]]:
    names = [_fold(name) for name in header]
    free = dict(enumerate(names))
    positions: list[int | None] = []
    for column in feed.columns:
        wanted = {_fold(name) for name in column.headers}
        position = next((index for index, name in free.items() if name in wanted), None)
        positions.append(position)
        if position is not None:
            del free[position]
    unknown = tuple(_shown(header[index]) for index in free)
    absent = [
        column for column, position in zip(feed.columns, positions, strict=True) if position is None and column.required
    ]
    if all(position is None for position in positions):
        between = f", with {feed.delimiter!r} between names" if len(header) == 1 else ""
        raise RefusedError(f"{file}, line 1: names none of the contract's columns; is it a header{between}?")
    if absent:
        raise RefusedError(f"{file}, line 1: {_absent(absent, unknown)}")
    return tuple(positions), unknown


def _absent(absent: list[Column], unknown: tuple[str, ...]) -> str:
    names = ", ".join(repr(column.name) for column in absent)
    message = f"required column {names} is missing" if len(absent) == 1 else f"required columns {names} are missing"
    guess = difflib.get_close_matches(absent[0].name, unknown, n=1, cutoff=0.5)
    if not guess and len(unknown) == 1:
        guess = list(unknown)
    if guess:
        message += f"; if {guess[0]!r} is its new name, add it to the contract: sourceHeader: [{guess[0]!r}]"
    return message


def _shown(name: str) -> str:
    """A header's name for a message; a file without a header has data there, so long digits are masked."""
    name = " ".join(name.split())[:_LONGEST_NAME]
    return mask_digits(name) if sum(letter.isdigit() for letter in name) >= _SUSPICIOUS_DIGITS else name


def _parquet_cell(name: str, type_: str, feed: Feed, zone: str) -> str:
    """A typed cell spelled as the contract would have it in a text file."""
    cell = identifier(name)
    if type_ == "DATE":
        return f"strftime({cell}, {literal(feed.date_formats[0])})"
    if type_.startswith("TIMESTAMP"):
        local = next((form for form in feed.timestamp_formats if "%z" not in form), "%Y-%m-%d %H:%M:%S")
        value = f"timezone({literal(zone)}, {cell})" if type_.endswith("ZONE") else cell
        return f"strftime({value}, {literal(local)})"
    text = f"cast({cell} as varchar)"
    if type_ in ("DOUBLE", "FLOAT"):  # a whole number that was held as a float is a whole number
        text = f"if({cell} = trunc({cell}) and abs({cell}) < 1e15, cast(cast({cell} as bigint) as varchar), {text})"
    if type_ in ("DOUBLE", "FLOAT") or type_.startswith("DECIMAL"):
        return f"replace({text}, '.', {literal(feed.decimal_separator)})"
    return text


def _zip(layout: Layout) -> Iterator[tuple[str, str]]:
    return zip(layout.header, layout.types, strict=True)


def _fold(name: str) -> str:
    return " ".join(name.split()).casefold()
