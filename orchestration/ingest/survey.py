"""A file before DuckDB reads it: is it whole, in its encoding, and how many records are in it?

This count is the one that conservation is measured against, so it owes nothing to the reader: it looks at line ends
and quotes only. It also says what DuckDB is to read: the file as it is, or, where DuckDB cannot (see `text`, and
records longer than its buffer, and blank lines), a clean copy in the private scratch folder, written in large blocks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from orchestration.contracts import Feed
from orchestration.ingest.delivery import is_file, size_of
from orchestration.ingest.faults import RefusedError, reading
from orchestration.ingest.names import is_parquet, scratch_name, spelled
from orchestration.ingest.text import NotPlainError, Text

#: DuckDB's own limit of a record; what is longer is not a record of any feed.
_LONGEST_LINE = 2_000_000
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
    quotes do not balance, so that each line has to be one. `readable` is the file that DuckDB is to read. `header` is
    None for a file that holds nothing at all, `header_line` its place. `read_as` is an encoding other than the
    contract's, `is_ended` whether the last line ends, `trailer_rows` what a trailer counts.
    """

    path: Path
    name: str
    readable: Path
    header: str | None
    lines: int
    records: int | None
    header_line: int = 1
    read_as: str | None = None
    is_ended: bool = True
    trailer_rows: int | None = None
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
            contract's encoding, not Parquet, no header; or that it cannot be read, and why.
    """
    name = spelled(path.name, feed.encoding)
    if not is_file(path):
        raise RefusedError(f"{name}: is not a file")
    with reading(name, path):
        if is_parquet(path.name):
            return _parquet(path, name, scratch)
        text = Text(path, name, feed)
        if text.may_be_plain and not by_line:
            counter = _Counter(feed)
            if _is_plain(text, counter):
                return _surveyed(text, _readable(path, scratch), counter)
        text = Text(path, name, feed)
        counter = _LineCounter(feed) if by_line else _Counter(feed)
        copy = scratch_name(path, scratch, ".csv")
        with copy.open("wb") as target:
            _copy(text, counter, target)
        return _surveyed(text, copy, counter)


def _is_plain(text: Text, counter: _Counter) -> bool:
    """Pass a file through the counter, and say whether DuckDB can read it as it is."""
    try:
        for block in text.lines(is_plain=True):
            counter.start(text.header)
            counter.add(block)
            if counter.needs_copy:
                return False
    except NotPlainError:
        return False
    return True


def _copy(text: Text, counter: _Counter, target: IO[bytes]) -> None:
    """Pass a file through the counter, and what that gives back into the copy, below a line in the header's place."""
    target.write(b"-\n")
    for block in text.lines(is_plain=False):
        counter.start(text.header)
        target.write(counter.add(block))


def _surveyed(text: Text, readable: Path, counter: _Counter) -> Survey:
    return Survey(
        text.path, text.name, readable, text.header, counter.lines, counter.records,
        header_line=text.header_line, read_as=text.read_as, is_ended=text.is_ended, trailer_rows=text.trailer_rows,
    )  # fmt: skip


def _parquet(path: Path, name: str, scratch: Path) -> Survey:
    if not size_of(path):
        return Survey(path, name, path, None, 0, 0)
    readable = _readable(path, scratch)
    with reading(name, path, readable, otherwise="not a Parquet file"):
        rows = pq.read_metadata(readable).num_rows
    return Survey(path, name, readable, "", rows, rows)


def _readable(path: Path, scratch: Path) -> Path:
    """The file under a name that DuckDB takes: itself, or a link, if its name is not in UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        link = scratch_name(path, scratch, path.suffix)
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        return link
    return path


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

    def start(self, header: str | None) -> None:
        """Note how many delimiters a line has."""
        if not self.delimiters:
            self.delimiters = (header or "").encode().count(self._delimiter)

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
