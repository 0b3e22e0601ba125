"""How one file's columns map onto the contract's, and the SQL that reads it as text.

A header matches a contract's column if, trimmed, with inner white space folded and case ignored, it is one of the
column's `sourceHeader`s or its name. Where a file repeats a header, the contract's columns that claim it take
its occurrences in order. A file without a header has the places of its columns for names: 1, 2, 3 …
"""

from __future__ import annotations

import csv
import difflib
import io
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import duckdb

from orchestration.base.sql import identifier, literal
from orchestration.contracts import Column, Feed
from orchestration.ingest.escapes import escapes
from orchestration.ingest.faults import RefusedError, reading
from orchestration.ingest.names import header_in_message, is_parquet
from orchestration.ingest.parquet import Cell, decode, prove, read_cells
from orchestration.ingest.survey import Survey
from orchestration.ingest.typed import cell_name, family, text_name, text_sql

_DELIMITER = "\x1f"  # stands in for one of several signs where a library takes one alone
_UNSEEN = ("Cf", "Cc")  # format and control characters; white space is folded first


@dataclass(frozen=True)
class Layout:
    """Files with the same layout are read by one statement.

    `positions` holds, per column of the contract, its place in the file, or None where an optional one is absent.
    `cells` are a typed file's own columns, and empty for CSV.
    """

    header: tuple[str, ...]
    positions: tuple[int | None, ...]
    unknown: tuple[str, ...]
    cells: tuple[Cell, ...] = ()

    def types(self, feed: Feed) -> dict[str, str]:
        """The types of a typed file's cells, by the contract's columns."""
        return {
            column.name: self.cells[position].type
            for column, position in zip(feed.columns, self.positions, strict=True)
            if self.cells and position is not None
        }


def read_layout(con: duckdb.DuckDBPyConnection, surveyed: Survey, feed: Feed, scratch: Path) -> Layout:
    """Match a file's header with the contract; a typed file that keeps text as bytes is replaced by a copy to read.

    Raises:
        RefusedError: naming the file and the column that is missing, or why there is no header to read.
    """
    if is_parquet(surveyed.path.name):
        with reading(surveyed.name, surveyed.readable, otherwise="not a Parquet file"):
            return _typed_layout(con, surveyed, feed, scratch)
    place = f"{surveyed.name}, line {surveyed.header_line}"
    header = _csv_header(surveyed.header or "", feed, place)
    if not feed.has_header:
        header = _places(header)
    return Layout(header, *_match(header, feed, place))


def _typed_layout(con: duckdb.DuckDBPyConnection, surveyed: Survey, feed: Feed, scratch: Path) -> Layout:
    path, name = surveyed.readable, surveyed.name
    cells = list(read_cells(con, path))
    header = tuple(cell.name for cell in cells)
    positions, unknown = _match(header if feed.has_header else _places(header), feed, name)
    places = [position for position in positions if position is not None]
    meant = prove(path, name, [cells[place] for place in places])
    in_bytes = [cells[place].name for place in places if family(cells[place].type) == "bytes"]
    if in_bytes:
        wanted = [cells[place].name for place in places]
        surveyed.readable = decode(path, name, wanted, in_bytes, feed.encoding, scratch)
        meant |= {name: Cell(name, identifier(name), "VARCHAR") for name in in_bytes}
    return Layout(header, positions, unknown, tuple(meant.get(cell.name, cell) for cell in cells))


def source_sql(layout: Layout, feed: Feed) -> str:
    """SQL reading the files bound as $1: per column of the contract its text, in a typed file its cell too, and
    `file_index`."""
    selected: list[str] = []
    for column, position in zip(feed.columns, layout.positions, strict=True):
        name = identifier(text_name(column))
        if position is None:
            text = "null" if column.constant is None else literal(column.constant)
            text = "row_number() over ()" if column.is_row_number else text
            selected.append(f"cast({text} as varchar) as {name}")
        elif layout.cells:
            cell = layout.cells[position]
            selected.append(f"{_meant(_trimmed(text_sql(cell.sql, cell.type)), column)} as {name}")
            selected.append(f"case when {name} is not null then {cell.sql} end as {cell_name(column)}")
        else:
            selected.append(f"{_meant(_trimmed(_plain(f'c{position}', feed)), column)} as {name}")
    return f"select {', '.join(selected)}, file_index from {_relation(layout, feed)}"


def _relation(layout: Layout, feed: Feed) -> str:
    if layout.cells:
        return "read_parquet($1, hive_partitioning = false)"
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(layout.header)))
    return (
        f"read_csv($1, header = false, skip = 1, auto_detect = false, compression = 'none', columns = {{{columns}}}, "
        f"delim = {literal(feed.delimiter)}, quote = {literal(feed.quote)}, "
        f"escape = {literal(feed.quote)}, store_rejects = true)"
    )


def _meant(text: str, column: Column) -> str:
    """A text, null if it is one of the column's marks for nothing."""
    if not column.null_marks:
        return text
    marks = ", ".join(literal(mark) for mark in column.null_marks)
    return f"case when {text} not in ({marks}) then {text} end"


def _trimmed(cell: str) -> str:
    """A cell without spaces around it, null if nothing is left; the guard saves two thirds of a trim of every cell."""
    is_padded = f"prefix({cell}, ' ') or suffix({cell}, ' ')"
    return f"case when {is_padded} then nullif(trim({cell}), '') else nullif({cell}, '') end"


def _plain(cell: str, feed: Feed) -> str:
    """A cell in which what stands in for an escaped sign is that sign."""
    for stand_in, sign in escapes(feed).items():
        cell = f"replace({cell}, {literal(stand_in)}, {literal(sign)})"
    return cell


def _csv_header(header: str, feed: Feed, place: str) -> tuple[str, ...]:
    """The names in a header, which may be several lines if quotes join them."""
    text = header.replace(feed.delimiter, _DELIMITER) if len(feed.delimiter) > 1 else header
    delimiter = feed.delimiter if text is header else _DELIMITER
    lines = io.StringIO(text, newline="")
    try:
        if feed.quote:
            names = next(csv.reader(lines, delimiter=delimiter, quotechar=feed.quote), [])
        else:
            names = next(csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    except csv.Error:
        raise RefusedError(f"{place}: is not a header") from None
    if feed.has_header and not any(name.strip() for name in names):
        raise RefusedError(f"{place}: there is no header")
    if text is not header:
        names = [name.replace(_DELIMITER, feed.delimiter) for name in names]
    for stand_in, sign in escapes(feed).items():
        names = [name.replace(stand_in, sign) for name in names]
    return tuple(names)


def _places(header: tuple[str, ...]) -> tuple[str, ...]:
    """The names of columns that have none."""
    return tuple(str(place) for place in range(1, len(header) + 1))


def _match(header: tuple[str, ...], feed: Feed, place: str) -> tuple[tuple[int | None, ...], tuple[str, ...]]:
    names = [_fold(name) for name in header]
    free = dict(enumerate(names))
    positions: list[int | None] = []
    for column in feed.columns:
        wanted = {_fold(name) for name in column.headers}
        position = None
        if column.has_source and column.same_source_as is None:
            position = next((index for index, name in free.items() if name in wanted), None)
        positions.append(position)
        if position is not None:
            del free[position]
    found = dict(zip((column.name for column in feed.columns), positions, strict=True))
    positions = [found[column.same_source_as or column.name] for column in feed.columns]
    ignored = {_fold(name) for name in feed.ignored}
    unknown = tuple(header_in_message(header[index]) for index, name in free.items() if name not in ignored)
    absent = [
        column
        for column, position in zip(feed.columns, positions, strict=True)
        if position is None and column.required and column.has_source
    ]
    if all(position is None for position in positions):
        between = f", with {feed.delimiter!r} between names" if len(header) == 1 else ""
        raise RefusedError(f"{place}: names none of the contract's columns; is it a header{between}?")
    if absent:
        raise RefusedError(f"{place}: {_claimed(absent[0], feed, found) or _absent(absent, unknown)}")
    return tuple(positions), unknown


def _claimed(absent: Column, feed: Feed, found: Mapping[str, int | None]) -> str | None:
    """What to write where a column claims a header that another one has, or None."""
    wanted = {_fold(name) for name in absent.headers}
    for other in feed.columns:
        if found[other.name] is not None and (both := [name for name in other.headers if _fold(name) in wanted]):
            return (
                f"{both[0]!r} is there once, and {other.name!r} is read from it; "
                f"if {absent.name!r} is the same, write sameSourceAs: {other.name}"
            )
    return None


def _absent(absent: list[Column], unknown: tuple[str, ...]) -> str:
    names = ", ".join(repr(column.name) for column in absent)
    message = f"required column {names} is missing" if len(absent) == 1 else f"required columns {names} are missing"
    guess = difflib.get_close_matches(absent[0].name, unknown, n=1, cutoff=0.5)
    if not guess and len(unknown) == 1:
        guess = list(unknown)
    if guess:
        message += f"; if {guess[0]!r} is its new name, add it to the contract: sourceHeader: [{guess[0]!r}]"
    return message


@lru_cache(maxsize=10_000)
def _fold(name: str) -> str:
    """A header as it is compared: letters composed, signs that nobody sees left out, white space and case ignored."""
    composed = " ".join(unicodedata.normalize("NFKC", name).split())
    visible = "".join(letter for letter in composed if unicodedata.category(letter) not in _UNSEEN)
    return unicodedata.normalize("NFKC", " ".join(visible.split()).casefold())
