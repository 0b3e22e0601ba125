"""A text file as lines in UTF-8 below its header, whatever stands around them and however they are packed.

    bytes → unpacked → decoded → escapes resolved → whole lines → without preamble, trailer and Ctrl-Z

DuckDB 1.5 cannot read all that arrives: it takes a truncated gzip for one that ends there and refuses one with a
comment, gives up where line ends are mixed, and knows no CP949. `is_plain` says that it can read the file as it lies
there; else it is given what is yielded here.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from orchestration.base.files import encoding_by_mark
from orchestration.contracts import Feed
from orchestration.ingest.escapes import unescaped
from orchestration.ingest.faults import RefusedError
from orchestration.ingest.names import is_packed

_UTF8 = ("utf-8", "utf-8-sig")
_BLOCK = 4 << 20
_LONGEST_HEADER = 1 << 20
_LONGEST_HEADER_LINES = 50
#: Above this, a file without line ends would be gathered whole in memory.
_LONGEST_GATHERED = 256 << 20
_LONGEST_END = 1000
#: What DOS ends a text with; behind it, at most more of it and white space.
_CTRL_Z = re.compile(rb"\x1a[\x1a\s]*\Z")


class NotPlainError(Exception):
    """DuckDB cannot read the file as it lies there."""


@dataclass
class Text:
    """One text file, read once from front to back by `lines`; the fields are known when that has ended.

    `header` is None for a file without any text, `header_line` its place; of files that have none, it is the first
    record, which is a row too. `read_as` is an encoding other than the contract's, which a byte order mark gave away;
    `trailer_rows` is what a trailer says of the rows above it.
    """

    path: Path
    name: str
    feed: Feed
    header: str | None = None
    header_line: int = 1
    read_as: str | None = None
    is_ended: bool = True
    trailer_rows: int | None = None
    _line: int = field(default=1, repr=False)
    _is_plain: bool = field(default=False, repr=False)

    @property
    def may_be_plain(self) -> bool:
        """Whether nothing is known yet that DuckDB could not read as it lies there."""
        feed = self.feed
        is_utf8 = codecs.lookup(feed.encoding).name in _UTF8
        is_bare = feed.has_header and not (feed.escape or feed.skip_lines or feed.trailer)
        return is_utf8 and is_bare and not is_packed(self.path.name)

    def lines(self, *, is_plain: bool) -> Iterator[bytes]:
        """Blocks of whole lines below the header, in UTF-8.

        With `is_plain` they are the file's own bytes, or `NotPlainError` is raised; else every line end is a line feed.

        Raises:
            RefusedError: naming the file, the line and what is wrong.
        """
        self._is_plain = is_plain
        below = self._below_header(self._whole_lines(unescaped(self._decoded(), self.feed)))
        return below if is_plain else self._above_trailer(below)

    def _unpacked(self) -> Iterator[bytes]:
        try:
            with _open(self.path) as file:
                while block := file.read(_BLOCK):
                    yield block
        except EOFError:
            raise RefusedError(f"{self.name}: truncated or damaged gzip (it ends too early)") from None
        except (gzip.BadGzipFile, zlib.error):
            raise RefusedError(f"{self.name}: truncated or damaged gzip") from None

    def _decoded(self) -> Iterator[bytes]:
        """The text as UTF-8, every byte of it decoded and so proven."""
        blocks = self._unpacked()
        first = next(blocks, b"")
        encoding = self._encoding(first)
        is_utf8 = encoding in _UTF8
        if self._is_plain and not is_utf8:
            raise NotPlainError
        decoder = codecs.getincrementaldecoder(encoding)()
        block: bytes | None = first
        while block is not None:
            is_ascii = is_utf8 and block.isascii() and not decoder.getstate()[0]
            try:
                text = "" if is_ascii and block is not first else decoder.decode(block)
            except UnicodeError as error:
                raise RefusedError(self._not_decoded(error, encoding)) from None
            if is_utf8:
                shown = block.removeprefix(codecs.BOM_UTF8) if block is first else block
                self._line += block.count(b"\n")
            else:
                shown = text.encode()
                self._line += text.count("\n")
            yield shown
            block = next(blocks, None)
        try:
            decoder.decode(b"", final=True)
        except UnicodeError:
            raise RefusedError(f"{self.name}, line {self._line}: ends within a character of {encoding}") from None

    def _encoding(self, head: bytes) -> str:
        """The contract's, unless a byte order mark says otherwise: nobody writes one by accident."""
        declared = codecs.lookup(self.feed.encoding).name
        by_mark = encoding_by_mark(head)
        if by_mark is None:
            return declared
        if not declared.startswith(by_mark.removesuffix("-sig")):
            self.read_as = by_mark.removesuffix("-sig")
        return by_mark

    def _not_decoded(self, error: UnicodeError, encoding: str) -> str:
        before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
        line = self._line + before.decode(encoding, "ignore").count("\n")
        return f"{self.name}, line {line}: not in {encoding}"

    def _whole_lines(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The same, cut behind a line end; the last line gets one."""
        gathered = b""
        for block in blocks:
            gathered += block
            cut = gathered.rfind(b"\n") + 1 or gathered.rfind(b"\r", 0, -1) + 1
            if cut:
                yield self._with_line_feeds(gathered[:cut])
                gathered = gathered[cut:]
            elif len(gathered) > _LONGEST_GATHERED:
                raise RefusedError(f"{self.name}: a line of more than {_LONGEST_GATHERED >> 20} MB")
        if gathered:
            self.is_ended = gathered.endswith((b"\r", b"\x1a"))
            yield self._with_line_feeds(gathered).removesuffix(b"\n") + b"\n"

    def _with_line_feeds(self, block: bytes) -> bytes:
        """Lines that end in line feeds; where DuckDB is to read the file itself, in these or in CR LF."""
        if b"\r" not in block:
            return block
        if not self._is_plain:
            return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if block.count(b"\r") != block.count(b"\r\n"):
            raise NotPlainError
        return block

    def _below_header(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The same without what stands above the header, and without it; notes it."""
        top = b""
        for block in blocks:
            top += block
            found = self._find_header(top)
            if found is None:
                if len(top) > _LONGEST_HEADER:
                    raise RefusedError(f"{self.name}, line {self.header_line}: {len(top):,} bytes are not a header")
                continue
            begin, end = found
            self.header = top[begin:end].decode().rstrip("\r\n")
            if self._is_plain and (begin or "\n" in self.header):
                raise NotPlainError
            yield top[end if self.feed.has_header else begin :]
            break
        else:
            if top.strip(b"\x1a \t\r\n"):
                raise RefusedError(f"{self.name}, line {self.header_line}: a quote of the header is left open")
            return
        last = top
        for block in blocks:
            last = block
            yield block
        if self._is_plain and _CTRL_Z.search(last[-_LONGEST_END:]):
            raise NotPlainError

    def _find_header(self, top: bytes) -> tuple[int, int] | None:
        """Where the header begins and ends: as many lines as its quotes join, below those that are to be skipped."""
        place, line = 0, 1
        while place < len(top):
            end = top.index(b"\n", place) + 1
            if line > self.feed.skip_lines and not self._is_to_skip(top[place:end], line):
                break
            place, line = end, line + 1
        else:
            return None
        self.header_line = line
        begin, quote = place, self.feed.quote.encode()
        for _ in range(_LONGEST_HEADER_LINES):
            if (end := top.find(b"\n", place) + 1) == 0 or end - begin > _LONGEST_HEADER:
                break
            if not quote or top.count(quote, begin, end) % 2 == 0:
                return begin, end
            place = end
        else:
            raise RefusedError(f"{self.name}, line {line}: a quote of the header is left open")
        if end:
            raise RefusedError(f"{self.name}, line {line}: {end - begin:,} bytes are not a header")
        return None

    def _is_to_skip(self, line: bytes, number: int) -> bool:
        """Whether a line above the header is blank, or Excel's own mark of the delimiter, which has to be ours."""
        text = line.rstrip(b"\r\n").strip(b'"')
        if number == 1 and text.lower().startswith(b"sep="):
            sign = text[len("sep=") :].decode()
            if sign != self.feed.delimiter:
                raise RefusedError(
                    f"{self.name}, line 1: says that {sign!r} stands between values; the contract says "
                    f"{self.feed.delimiter!r}"
                )
            return True
        return not text.strip(b"\x1a \t")

    def _above_trailer(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The same without Ctrl-Z at the end, and without the trailer, which has to be there if there is to be one."""
        held = b""
        for block in blocks:
            cut = _begin_of_last_lines(block, 1 + len(self.feed.trailer))
            if cut:
                yield held + block[:cut] if held else block[:cut]
                held = block[cut:]
            else:
                held += block
        if self.header is None:
            return
        held = _CTRL_Z.sub(b"", held)
        if held and not held.endswith(b"\n"):
            held += b"\n"
        if self.feed.trailer:
            held = self._without_trailer(held)
        yield held

    def _without_trailer(self, end: bytes) -> bytes:
        cut = _begin_of_last_lines(end, len(self.feed.trailer))
        lines = [line for line in end[cut:].decode().split("\n") if line.strip()]
        patterns = [_trailer_pattern(text) for text in self.feed.trailer]
        found = [pattern.match(line) for pattern, line in zip(patterns, lines, strict=False)]
        if len(lines) < len(patterns) or not all(found):
            said = ", ".join(map(repr, self.feed.trailer))
            raise RefusedError(f"{self.name}: does not end in the trailer {said} of the contract; it may have been cut")
        counts = [match["rows"] for match in found if match and "rows" in match.groupdict()]
        self.trailer_rows = int(re.sub("[^0-9]", "", counts[0])) if counts else None
        self.is_ended = True
        return end[:cut]


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if is_packed(path.name) else path.open("rb")  # type: ignore[return-value]


def _begin_of_last_lines(block: bytes, number: int) -> int:
    """Where the last lines of a block begin: this many that are not blank, and the blank ones among them."""
    place, found = len(block), 0
    while found < number and place > 0:
        begin = block.rfind(b"\n", 0, place - 1) + 1
        found += bool(block[begin:place].strip(b"\x1a \t\r\n"))
        place = begin
    return place


def _trailer_pattern(text: str) -> re.Pattern[str]:
    """A trailer as the contract writes it: `{rows}` is a count, `*` anything; more may follow."""
    pattern = re.escape(text).replace(r"\{rows\}", "(?P<rows>[0-9][0-9.,]*)").replace(r"\*", ".*?")
    return re.compile(r"\s*" + pattern)
