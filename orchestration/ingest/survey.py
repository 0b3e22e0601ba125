"""A file before DuckDB reads it: is it whole, in its encoding, and how many records are in it?

This count is the one that conservation is measured against, so it owes nothing to the reader: it looks at line ends
and quotes only. It also says whether DuckDB can take the file as it is. DuckDB 1.5 reads a truncated gzip as if it
ended there, passes over a record longer than its buffer, gives up where line ends are mixed, and cannot read CP949;
for such files a clean UTF-8 copy is written into the private scratch folder, in large blocks.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from orchestration.base.sql import first_line
from orchestration.contracts import Feed
from orchestration.ingest.delivery import RefusedError

_UTF8 = ("utf-8", "utf8", "utf-8-sig")
_BLOCK = 4 << 20
_LONGEST_HEADER = 1 << 20
#: DuckDB's own limit of a record; what is longer is not a record of any feed.
_LONGEST_LINE = 2_000_000
#: Above this, a file without line ends would be gathered whole in memory.
_LONGEST_GATHERED = 256 << 20
#: A quoted value over more lines than this is a quote that somebody forgot to close.
_LONGEST_VALUE_LINES = 50
#: What is kept of a line that could not be a record, in bytes.
_SHOWN = 2000
#: First byte of a line that stands in for one that could not be a record.
OPEN_QUOTE, LONG_LINE = "\x1a", "\x19"


@dataclass
class Survey:
    """What a file holds, its header left out.

    `lines` counts lines that are not blank, `records` those that quotes do not join to the next; it is None where the
    quotes do not balance, so that each line has to be one. `readable` is the file that DuckDB is to read.
    """

    path: Path
    readable: Path
    header: str
    lines: int
    records: int | None
    read: int = 0

    def take(self, found: int) -> bool:
        """Whether a reader that found so many records found each of them; if so, `read` is the survey's count."""
        counts = [count for count in (self.records, self.lines) if count == found]
        self.read = counts[0] if counts else 0
        return bool(counts)


def survey(path: Path, feed: Feed, scratch: Path, *, by_line: bool = False) -> Survey:
    """Read a file once and count its records.

    With `by_line`, for a file whose records could not be told apart, every line is a record of its own; in the copy,
    a line with an open quote or of immoderate length gives way to one that the reader rejects.

    Raises:
        RefusedError: naming the file, the line and what is wrong: no regular file, truncated or no gzip, not in the
            contract's encoding, not Parquet, no header.
    """
    if not path.is_file():
        raise RefusedError(f"{path.name}: is no file")
    if path.name.endswith(".parquet"):
        return _parquet(path)
    try:
        if feed.encoding in _UTF8 and not by_line:
            counter = _Counter(feed)
            header = _pass(path, feed, counter, None)
            if not counter.needs_copy:
                return Survey(path, path, header, counter.lines, counter.records)
        copy = scratch / f"{path.parent.name}-{path.name.removesuffix('.gz')}"
        counter = _LineCounter(feed) if by_line else _Counter(feed)
        with copy.open("wb") as target:
            header = _pass(path, feed, counter, target)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise RefusedError(f"{path.name}: truncated or damaged gzip ({first_line(error)})") from None
    return Survey(path, copy, header, counter.lines, counter.records)


def _parquet(path: Path) -> Survey:
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RefusedError(f"{path.name}: not a Parquet file ({type(error).__name__})") from None
    return Survey(path, path, "", rows, rows)


def _pass(path: Path, feed: Feed, counter: _Counter, copy: IO[bytes] | None) -> str:
    """Pass a file through the counter, and what the counter gives back into the copy; returns the header."""
    header: bytes | None = None
    for block in _whole_lines(_decoded(path, feed.encoding), path.name, is_clean=copy is not None):
        rest = block
        if header is None:
            header, rest = _first_line(block, path.name, feed)
            counter.delimiters = header.count(feed.delimiter.encode())
            if copy:
                copy.write(header + b"\n")
        counted = counter.add(rest)
        if copy:
            copy.write(counted)
    if header is None:
        raise RefusedError(f"{path.name}: is empty, without a header")
    return header.decode().lstrip("\ufeff")


def _first_line(block: bytes, name: str, feed: Feed) -> tuple[bytes, bytes]:
    header, _, rest = block.partition(b"\n")
    header = header.removesuffix(b"\r")
    if len(header) > _LONGEST_HEADER:
        raise RefusedError(f"{name}, line 1: {len(header):,} bytes are no header")
    if feed.quote and header.count(feed.quote.encode()) % 2:
        raise RefusedError(f"{name}, line 1: a quote of the header is left open")
    return header, rest


def _decoded(path: Path, encoding: str) -> Iterator[bytes]:
    """A file's text as UTF-8, block by block, every byte of it decoded and so proven."""
    decoder = codecs.getincrementaldecoder("utf-8" if encoding in _UTF8 else encoding)()
    is_utf8 = encoding in _UTF8
    lines = 1
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        while block := file.read(_BLOCK):
            is_plain = is_utf8 and block.isascii() and not decoder.getstate()[0]
            try:
                text = "" if is_plain else decoder.decode(block)
                yield block if is_utf8 else text.encode()
            except UnicodeError as error:
                before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                lines += before.decode(encoding, "ignore").count("\n")
                raise RefusedError(f"{path.name}, line {lines}: not in {encoding}") from None
            lines += block.count(b"\n") if is_utf8 else text.count("\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise RefusedError(f"{path.name}, line {lines}: ends within a character of {encoding}") from None


def _whole_lines(blocks: Iterator[bytes], name: str, *, is_clean: bool) -> Iterator[bytes]:
    """The same bytes, cut behind a line end; the last line gets one. `is_clean` makes every line end a line feed."""
    gathered = b""
    for block in blocks:
        gathered += block
        cut = gathered.rfind(b"\n") + 1 or gathered.rfind(b"\r") + 1
        if cut:
            yield _clean(gathered[:cut]) if is_clean else gathered[:cut]
            gathered = gathered[cut:]
        elif len(gathered) > _LONGEST_GATHERED:
            raise RefusedError(f"{name}: a line of more than {_LONGEST_GATHERED >> 20} MB")
    if gathered:
        yield (_clean(gathered) if is_clean else gathered) + b"\n"


def _clean(block: bytes) -> bytes:
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in block else block


_BLANK = re.compile(rb"\n\n")  # twice as fast as `in`, which looks for the pair anew at each line end


class _Counter:
    """Counts lines and records in blocks of whole lines, and gives the blocks back without blank lines."""

    def __init__(self, feed: Feed) -> None:
        self.lines = 0
        self.needs_copy = False
        self.delimiters = 0
        self._quote = feed.quote.encode()
        self._delimiter = feed.delimiter.encode()
        self._records = 0
        self._line_end: bytes | None = None
        self._is_open = False  # within a quoted value
        self._open_lines = 0  # that it already spans
        self._is_hopeless = False

    @property
    def records(self) -> int | None:
        """Records, if the quotes balance."""
        return None if self._is_open or self._is_hopeless else self._records

    def add(self, block: bytes) -> bytes:
        """Count a block."""
        self._note_line_ends(block)
        has_blank = bool(_BLANK.search(block)) or block.startswith((b"\n", b"\r\n"))
        has_blank = has_blank or (b"\r" in block and b"\n\r\n" in block)
        has_quote = self._is_open or (bool(self._quote) and self._quote in block)
        if has_blank or has_quote:
            return self._add_line_by_line(block)
        lines = block.count(b"\n")
        self.lines += lines
        self._records += lines
        return block

    def _note_line_ends(self, block: bytes) -> None:
        if not block:
            return
        if b"\r" not in block:
            kind = b"\n"
        elif block.count(b"\r") == block.count(b"\r\n") == block.count(b"\n"):
            kind = b"\r\n"
        else:
            kind = b"mixed"
        self.needs_copy |= kind == b"mixed" or self._line_end not in (None, kind)
        self._line_end = kind

    def _add_line_by_line(self, block: bytes) -> bytes:
        letters = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(letters == ord("\n"))
        if not len(ends):
            return block
        starts = np.concatenate(([0], ends[:-1] + 1))
        length = ends - starts
        is_blank = (length == 0) | ((length == 1) & (letters[starts] == ord("\r")))
        is_open_after = self._open_after(letters, starts)
        is_open_before = np.concatenate(([self._is_open], is_open_after[:-1]))
        is_left_out = is_blank & ~is_open_before
        self.lines += int((~is_blank).sum())
        self._records += int((~is_open_after & ~is_left_out).sum())
        self._note_long_values(is_open_after)
        self._is_open = bool(is_open_after[-1])
        if not is_left_out.any():
            return block
        self.needs_copy = True
        return bytes(letters[np.repeat(~is_left_out, length + 1)])

    def _open_after(self, letters: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Per line, whether it ends within a quoted value."""
        if not self._quote:
            return np.zeros(len(starts), bool)
        quotes: NDArray[np.int64] = np.add.reduceat(letters == ord(self._quote), starts, dtype=np.int64)
        is_open: NDArray[np.bool_] = (np.cumsum(quotes % 2) + self._is_open) % 2 == 1
        return is_open

    def _note_long_values(self, is_open: NDArray[np.bool_]) -> None:
        """A quoted value that spans too many lines is taken for a quote that was never closed."""
        closed = np.flatnonzero(~is_open)
        runs = np.diff(closed, prepend=-1 - self._open_lines)
        self._open_lines = len(is_open) - 1 - int(closed[-1]) if len(closed) else self._open_lines + len(is_open)
        longest = max(int(runs.max(initial=0)), self._open_lines)
        self._is_hopeless |= longest > _LONGEST_VALUE_LINES


class _LineCounter(_Counter):
    """Takes every line for a record; what cannot be one alone becomes a line of too many values."""

    def add(self, block: bytes) -> bytes:
        """Count a block of clean lines; returns it with the impossible ones replaced."""
        kept = [self._possible(line) for line in block.split(b"\n") if line]
        self.lines += len(kept)
        self._records += len(kept)
        return b"".join(line + b"\n" for line in kept)

    def _possible(self, line: bytes) -> bytes:
        is_open = bool(self._quote) and line.count(self._quote) % 2 == 1
        if not is_open and len(line) <= _LONGEST_LINE:
            return line
        shown = line[:_SHOWN].decode("utf-8", "ignore").encode().replace(self._delimiter, b" ")
        if self._quote:
            shown = shown.replace(self._quote, b"'")
        mark = (OPEN_QUOTE if is_open else LONG_LINE).encode()
        return mark + shown + self._delimiter * (self.delimiters + 1) + mark  # an empty last value would be passed over
