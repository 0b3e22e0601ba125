"""How one file's columns map onto the contract's, and the SQL that reads it as text.

A header matches a contract's column if, trimmed, with inner white space folded and case ignored, it is one of the
column's `sourceHeader`s or its name. Where a file repeats a header, the contract's columns that claim it take
its occurrences in order.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from orchestration.contracts import Column, Feed
from orchestration.ingest.delivery import RefusedError
from orchestration.sql import first_line, identifier, literal

_UTF8 = ("utf-8", "utf8", "utf-8-sig")
_BLOCK = 1 << 20


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


def read_layout(con: duckdb.DuckDBPyConnection, path: Path, feed: Feed) -> Layout:
    """Match a file's header with the contract.

    Raises:
        RefusedError: naming the file and the column that is missing, or why there is no header to read.
    """
    if path.name.endswith(".parquet"):
        try:
            described = con.execute("describe select * from read_parquet($1)", [str(path)]).fetchall()
        except duckdb.Error as error:
            raise RefusedError(f"{path.name}: not a Parquet file: {first_line(error)}") from error
        header = tuple(row[0] for row in described)
        types = tuple(row[1] for row in described)
    else:
        header, types = _csv_header(path, feed), ()
    positions, unknown = _match(header, feed, path.name)
    return Layout(bool(types), header, positions, unknown, types)


def source_sql(layout: Layout, feed: Feed, zone: str) -> str:
    """SQL reading the files bound as $1 into one text column per column of the contract, and `filename`."""
    if layout.is_parquet:
        cells = [_parquet_cell(name, type_, feed, zone) for name, type_ in _zip(layout)]
        relation = "read_parquet($1, filename = true)"
    else:
        cells = [f"c{index}" for index in range(len(layout.header))]
        columns = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells)
        relation = (
            f"read_csv($1, header = false, skip = 1, auto_detect = false, columns = {{{columns}}}, "
            f"delim = {literal(feed.delimiter)}, quote = {literal(feed.quote)}, "
            f"escape = {literal(feed.quote)}, filename = true, store_rejects = true)"
        )
    selected = [
        f"nullif(trim({cells[position]}), '') as {text_name(column)}"
        if position is not None
        else f"cast(null as varchar) as {text_name(column)}"
        for column, position in zip(feed.columns, layout.positions, strict=True)
    ]
    return f"select {', '.join(selected)}, filename from {relation}"


def text_name(column: Column) -> str:
    """Name of the text of a column, as read, beside its typed value."""
    return f"text_{column.name}"


def readable(path: Path, feed: Feed, scratch: Path) -> Path:
    """The file itself if DuckDB reads its encoding, else a UTF-8 copy in the private scratch folder.

    Raises:
        RefusedError: naming the file and the line at which the bytes are not in the contract's encoding.
    """
    if path.name.endswith(".parquet") or feed.encoding in _UTF8:
        return path
    copy = scratch / f"{path.parent.name}-{path.name.removesuffix('.gz')}"
    with _open(path) as source, copy.open("w", encoding="utf-8", newline="") as target:
        for text in _decoded(source, path.name, feed.encoding):
            target.write(text)
    return copy


def _decoded(source: IO[bytes], name: str, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    while block := source.read(_BLOCK):
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise RefusedError(f"{name}, line {line}: not in {encoding}") from None
        line += text.count("\n")
        yield text
    try:
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise RefusedError(f"{name}, line {line}: ends within a character of {encoding}") from None


def _csv_header(path: Path, feed: Feed) -> tuple[str, ...]:
    try:
        with _open(path) as file:
            first = io.TextIOWrapper(file, feed.encoding, newline="").readline()
    except UnicodeError:
        raise RefusedError(f"{path.name}, line 1: not in {feed.encoding}") from None
    except (OSError, EOFError) as error:
        raise RefusedError(f"{path.name}: cannot be read: {first_line(error)}") from error
    header = next(csv.reader([first.lstrip("\ufeff")], delimiter=feed.delimiter, quotechar=feed.quote or None), [])
    if not any(name.strip() for name in header):
        raise RefusedError(f"{path.name}, line 1: there is no header")
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
    unknown = tuple(header[index].strip() for index in free)
    absent = [
        column for column, position in zip(feed.columns, positions, strict=True) if position is None and column.required
    ]
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


def _parquet_cell(name: str, type_: str, feed: Feed, zone: str) -> str:
    quoted = identifier(name)
    if type_ == "DATE":
        return f"strftime({quoted}, {literal(feed.date_formats[0])})"
    if type_.startswith("TIMESTAMP"):
        local = next(form for form in feed.timestamp_formats if "%z" not in form)
        value = f"timezone({literal(zone)}, {quoted})" if type_.endswith("ZONE") else quoted
        return f"strftime({value}, {literal(local)})"
    return f"cast({quoted} as varchar)"


def _zip(layout: Layout) -> Iterator[tuple[str, str]]:
    return zip(layout.header, layout.types, strict=True)


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")


def _fold(name: str) -> str:
    return " ".join(name.split()).casefold()
