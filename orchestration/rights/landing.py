"""Which files in landing and quarantine hold a subscriber's number or line, in clear and in any spelling.

Contracts are not asked: a number may stand in a column that nobody knows, in a line that is not a row, or in a
refused file. Where digits run together by chance the answer is yes too often, never too seldom; a file that cannot be
searched is named as such.
"""

from __future__ import annotations

import codecs
import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.site_profile import NumberPlan
from orchestration.base.sql import exact, identifier, one_number
from orchestration.privacy.spelling import other_numerals, plain, plain_sql

_BLOCK = 4 << 20
_OVERLAP = 256
#: Marks that begin a text, and how it is encoded.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF8: "utf-8",
}
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
#: Bytes of the widest character of any encoding.
_WIDEST = 4
#: Encodings in which every byte of a sign beyond ASCII is beyond ASCII.
_KEEP_ASCII = ("utf-8", "utf8", "utf-8-sig", "cp949", "euc-kr", "latin-1", "iso-8859-1", "cp1252")
_GZIP = b"\x1f\x8b"
_PARQUET = (b"PAR1", b"PARE")
_NUL = b"\0"
#: Bytes that no text has, in any encoding: they tell a file that is packed or encrypted from one with odd letters.
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f" and code)
_MOST_CONTROL_SHARE = 0.01
#: What is left of a text when only ASCII letters and digits are looked at.
_SQUEEZED = bytes(code for code in range(256) if not (chr(code).isascii() and chr(code).isalnum()))
_KEPT_ESCAPE = re.compile(rb"\\u[0-9A-Fa-f]{4}")


class UnsearchableError(Exception):
    """A file that cannot be searched; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """What to look for: digits of numbers without country code and trunk prefix, and other values as they are."""

    digits: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[tuple[str, str]], plan: NumberPlan) -> Wanted:
        """From pairs of kind and value."""
        prefix = f"+{plan.calling_code}"
        return cls(
            tuple(value.removeprefix(prefix) for kind, value in values if kind == "msisdn"),
            tuple(value for kind, value in values if kind != "msisdn"),
        )


def holds(con: duckdb.DuckDBPyConnection, path: Path, wanted: Wanted, known: Sequence[str]) -> bool:
    """Whether a file holds what is wanted; `known` are the encodings that contracts name.

    Raises:
        UnsearchableError: if it cannot be read to its end, or is neither text, gzip of text, nor Parquet.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(4)
        if begins in _PARQUET or path.name.lower().endswith(".parquet"):
            return _parquet_holds(con, path, wanted)
        return _search_text(path, begins, wanted, known)
    except (OSError, EOFError, zlib.error) as error:
        raise UnsearchableError(f"cannot be read to its end ({type(error).__name__})") from None


def files_below(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Every file below a folder, hidden ones too, by path; of a folder that cannot be opened, its path and why."""
    failed: list[OSError] = []
    seen: set[Path] = set()
    for place, folders, names in os.walk(folder, onerror=failed.append, followlinks=True):
        real = {name: (Path(place) / name).resolve() for name in sorted(folders)}
        folders[:] = [name for name, target in real.items() if target not in seen]  # a link may lead in a circle
        seen |= set(real.values())
        yield from ((Path(place) / name, None) for name in sorted(names))
    for error in failed:
        yield Path(str(error.filename)), f"cannot be opened ({type(error).__name__})"


def _search_text(path: Path, begins: bytes, wanted: Wanted, known: Sequence[str]) -> bool:
    codes: list[str] = []
    before, is_clean = b"", True
    with gzip.open(path) if begins.startswith(_GZIP) else path.open("rb") as file:
        while read := file.read(_BLOCK):
            codes = codes or _encodings(read, known)
            block = before + read
            if _text_holds(block, wanted, codes):
                return True
            is_clean = is_clean and (block.isascii() or any(_decodes(block, encoding) for encoding in codes))
            before = read[-_OVERLAP:]
    if not is_clean:
        raise UnsearchableError("is in an encoding that no contract names, or damaged")
    return False


def _encodings(block: bytes, known: Sequence[str]) -> list[str]:
    """The encodings that a text which begins so may be in.

    Raises:
        UnsearchableError: if it is not text.
    """
    if marked := [encoding for mark, encoding in _MARKS.items() if block.startswith(mark)]:
        return marked
    wide = [encoding for encoding in _WIDE if _NUL in block and _is_text(block, encoding)]
    if not wide and len(block.translate(None, _CONTROL)) < len(block) * (1 - _MOST_CONTROL_SHARE):
        raise UnsearchableError("is neither text, gzip of text, nor Parquet")
    return wide or list(dict.fromkeys(["utf-8", *known]))


def _is_text(block: bytes, encoding: str) -> bool:
    """Whether most of a block are characters that a text has."""
    text = block[: 1 << 16].decode(encoding, "replace")
    return sum(one.isprintable() or one.isspace() for one in text) > (1 - _MOST_CONTROL_SHARE) * len(text)


def _decodes(block: bytes, encoding: str) -> bool:
    """Whether a block is in an encoding, but for a character that its begin and its end may cut."""
    return any(
        "\ufffd" not in block[offset:].decode(encoding, "replace")[: -(_WIDEST - 1)] for offset in range(_WIDEST)
    )


def _text_holds(block: bytes, wanted: Wanted, encodings: Sequence[str]) -> bool:
    """Whether a block holds what is wanted.

    Without bytes beyond ASCII, digits of ASCII are found in any encoding that keeps them; only other digits, and
    encodings in which a sign's second byte may look like a letter, have to be read.
    """
    if _squeezed_holds(block, wanted) or _holds_text(block, wanted, encodings):
        return True
    if block.isascii() and _NUL not in block:
        return False
    for encoding in encodings:
        for offset in range(_WIDEST if encoding in _WIDE else 1):  # a block may begin within a character
            text = block[offset:].decode(encoding, "replace")
            has_more = encoding not in _KEEP_ASCII or other_numerals().search(text)
            if has_more and _squeezed_holds(plain(text).encode("ascii", "ignore"), wanted):
                return True
    return False


def _squeezed_holds(block: bytes, wanted: Wanted) -> bool:
    squeezed = block.translate(None, _SQUEEZED)
    if b"\\u" in block:
        squeezed += b" " + _KEPT_ESCAPE.sub(b"", block).translate(None, _SQUEEZED)
    return any(digits.encode() in squeezed for digits in wanted.digits)


def _holds_text(block: bytes, wanted: Wanted, encodings: Sequence[str]) -> bool:
    return any(
        re.search(rb"(?<![0-9A-Za-z])" + re.escape(spelled) + rb"(?![0-9A-Za-z])", block)
        for text in wanted.texts
        for spelled in {text.encode(encoding, "ignore") for encoding in encodings}
        if spelled
    )


def _parquet_holds(con: duckdb.DuckDBPyConnection, path: Path, wanted: Wanted) -> bool:
    source = "read_parquet($1, hive_partitioning = false)"
    try:
        columns = con.execute(f"select column_name, column_type from (describe select * from {source})", [exact(path)])
        names = dict(columns.fetchall())
        cells = ", ".join(_cell(identifier(name), type_) for name, type_ in names.items())
        found = one_number(
            con,
            rf"""
            with cells as (select unnest([{cells}]) as cell from {source}),
            spelled as (
                select cell, regexp_replace({plain_sql("cell")}, '\\x[0-9A-F]{{2}}|[^0-9A-Za-z]', '', 'g') as squeezed
                from cells where cell is not null
            )
            select count(*) from spelled
            where len(list_filter($2::varchar[], lambda digits: contains(squeezed, digits))) > 0
                or len(list_filter($3::varchar[], lambda text: contains(cell, text))) > 0
            """,
            exact(path),
            list(wanted.digits),
            list(wanted.texts),
        )
    except duckdb.Error as error:
        raise UnsearchableError(f"cannot be read as Parquet ({type(error).__name__})") from None
    return found > 0 or _squeezed_holds(plain(" ".join(names)).encode(), wanted)


def _cell(name: str, type_: str) -> str:
    """A value as text; bytes that are UTF-8 as what they say."""
    as_text = f"{name}::varchar"
    return f"coalesce(try(decode({name})), {as_text})" if type_ == "BLOB" else as_text
