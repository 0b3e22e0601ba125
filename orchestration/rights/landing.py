"""Which deliveries in landing hold a subscriber's number or line, in clear and in any spelling.

Contracts are not asked: a number may stand in a column that nobody knows, in a line that is no row, or in a file that
was refused. Where digits run together by chance the answer is yes too often, never too seldom.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.settings import NumberPlan
from orchestration.base.sql import exact, literal, one_number
from orchestration.ingest.names import SUFFIXES

_BLOCK = 4 << 20
_OVERLAP = 256
_SEPARATORS = "-. ()/+_"
_NUL = b"\0"  # every second byte of ASCII in UTF-16


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


def folders_holding(con: duckdb.DuckDBPyConnection, landing: Path, wanted: Wanted) -> Iterator[tuple[Path, list[str]]]:
    """Folders of deliveries in which a file holds what is wanted, or cannot be read to its end; and those files."""
    for folder in sorted(landing.glob("*/dt=*")):
        names = [path.name for path in sorted(folder.iterdir()) if path.is_file() and _holds(con, path, wanted)]
        if names:
            yield folder, names


def _holds(con: duckdb.DuckDBPyConnection, path: Path, wanted: Wanted) -> bool:
    if path.name.endswith(".parquet"):
        return _parquet_holds(con, path, wanted)
    texts = [
        re.compile(rb"(?<![0-9A-Za-z])" + re.escape(text.encode(encoding)) + rb"(?![0-9A-Za-z])")
        for text in wanted.texts
        for encoding in ({"utf-8"} if text.isascii() else {"utf-8", "cp949", "utf-16-le"})
    ]
    digits = [digits.encode() for digits in wanted.digits]
    try:
        for block in _blocks(path):
            squeezed = block.translate(None, _SEPARATORS.encode() + _NUL)
            if any(one in squeezed for one in digits):
                return True
            narrow = block.translate(None, _NUL)
            if any(text.search(narrow) or text.search(block) for text in texts):
                return True
    except (OSError, EOFError, zlib.error):
        return path.name.casefold().endswith(SUFFIXES)
    return False


def _blocks(path: Path) -> Iterator[bytes]:
    before = b""
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield before + block
            before = block[-_OVERLAP:]


def _parquet_holds(con: duckdb.DuckDBPyConnection, path: Path, wanted: Wanted) -> bool:
    for name, texts in (("digits", wanted.digits), ("texts", wanted.texts)):
        con.execute(
            f"create or replace temp table wanted_{name} as select unnest($1::varchar[]) as text", [list(texts)]
        )
    try:
        found = one_number(
            con,
            f"""
            select count(*) from read_parquet($1) as rows
            where exists (select 1 from wanted_texts where contains(rows::varchar, text))
                or exists (
                    select 1 from wanted_digits
                    where contains(translate(rows::varchar, {literal(_SEPARATORS)}, ''), text))
            """,
            exact(path),
        )
    except duckdb.Error:
        return True
    return found > 0
