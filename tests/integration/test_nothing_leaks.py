"""After a run over dirty extracts, no file that it wrote holds a number of them, in any spelling."""

from __future__ import annotations

import gzip
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.contracts import load_feeds
from tests.support.world import World

#: A Korean mobile number as extracts, people and programs spell it; not within a longer run of digits or letters.
_PATTERN = r"(?<![0-9A-Za-z])(?:\+?82[-. ()/]*0?|0)(1[016789])[-. ()/]*(\d{3,4})[-. ()/]*(\d{4})(?![0-9A-Za-z])"
_SPELLED, _SPELLED_IN_BYTES = re.compile(_PATTERN), re.compile(_PATTERN.encode())


def _folded(text: str) -> str:
    """A text with digits of any script, dashes, spaces and invisible signs as ASCII has them."""
    if text.isascii():
        return text
    table: dict[int, str] = {}
    for sign in {sign for sign in text if not sign.isascii()}:
        plain, kind = unicodedata.normalize("NFKC", sign), unicodedata.category(sign)
        if sign.isdecimal():
            table[ord(sign)] = str(unicodedata.decimal(sign))
        elif plain.isascii() or kind in ("Pd", "Zs", "Cf"):
            table[ord(sign)] = {"Pd": "-", "Zs": " ", "Cf": ""}.get(kind, plain)
    return text.translate(table)


def _numbers(text: str) -> set[str]:
    """The numbers in a text, in any Unicode spelling, without trunk or country code."""
    return {"".join(match.groups()) for match in _SPELLED.finditer(_folded(text))}


def test_the_scan_sees_a_number_in_any_unicode_spelling() -> None:
    plain = "010-1234-5678"
    spellings = [
        plain.translate({ord("0") + n: chr(zero + n) for n in range(10)}) for zero in (0xFF10, 0x0660, 0x1D7CE)
    ]
    spellings += [plain.replace("-", sign) for sign in ("\u2011", "\u2013", "\u00a0", "\u200b")]
    assert {number for text in spellings for number in _numbers(f"전화 {text}, 끝")} == {"1012345678"}
    assert all(_numbers(text) for text in spellings)


@pytest.fixture(scope="module")
def delivered(published_world: World) -> set[str]:
    """Every number that landing holds, good rows and bad."""
    return set().union(*map(_numbers_in, _files(published_world.settings.landing_dir)))


def _files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _numbers_in(path: Path) -> set[str]:
    """The numbers in a file: in the values of columnar files and databases, and in the bytes of every file.

    The vault's files are encrypted: they are bytes, and have to look like nothing.
    """
    found = set().union(*map(_numbers, _values_in(path)))
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix in (".parquet", ".duckdb", ".db"):  # text in them is ASCII, or among the values
        spelled = (_SPELLED_IN_BYTES.finditer(signs) for signs in (content, content.replace(b"\0", b"")))
        return found | {b"".join(match.groups()).decode() for matches in spelled for match in matches}
    return found.union(*map(_numbers, _texts(content)))


def _texts(content: bytes) -> Iterator[str]:
    """What bytes say in the encodings that extracts come in."""
    try:
        yield content.decode("utf-8")
    except UnicodeDecodeError:
        yield content.decode("utf-8", "replace")
        yield content.decode("cp949", "replace")
    if b"\0" in content:
        yield content.decode("utf-16-le", "replace")


def _values_in(path: Path) -> Iterator[str]:
    """Values of columnar files and databases."""
    if path.suffix == ".parquet" and "vault" not in path.parts:
        with duckdb.connect() as con:
            yield from _values(con, f"read_parquet('{path}', hive_partitioning = false)")
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as con:
            for (relation,) in con.execute(
                'select format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables() where not internal'
            ).fetchall():
                yield from _values(con, relation)
    elif path.suffix == ".db":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
            for (table,) in store.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in store.execute(f'select * from "{table}"'):
                    yield " ".join(map(str, row))


def _values(con: duckdb.DuckDBPyConnection, relation: str) -> Iterator[str]:
    """Distinct texts of a relation that could hold a number; identities are 16 bytes and no text."""
    columns = con.execute(f"select column_name, column_type from (describe from {relation})").fetchall()
    for name, kind in columns:
        if kind not in ("DATE", "BOOLEAN", "UUID", "BLOB", "DOUBLE", "FLOAT") and not kind.startswith("TIMESTAMP"):
            rows = con.execute(
                f'select distinct "{name}"::varchar from {relation} '
                f"where regexp_matches(\"{name}\"::varchar, '1[016789][-. ()/]*[0-9]{{3}}')"
            ).fetchall()
            yield "\n".join(text for (text,) in rows)


def test_a_number_is_found_in_any_spelling_and_any_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("failed for 010-1234-5678, +82 10 2222 3333 and 01033334444")
    (tmp_path / "korean.csv").write_bytes("번호,8210.4444.5555\n".encode("cp949"))
    with gzip.open(tmp_path / "extract.csv.gz", "wb") as file:
        file.write(b"x,(010)5555-6666\n")
    with duckdb.connect() as con:
        con.execute(f"copy (select '010 6666 7777' as v) to '{tmp_path / 'data.parquet'}' (format parquet)")
    with duckdb.connect(str(tmp_path / "w.duckdb")) as con:
        con.execute("create table t as select ['a', '01077778888'] as v from range(10000)")
    with sqlite3.connect(tmp_path / "runs.db") as store:
        store.execute("create table t (v text)")
        store.execute('insert into t values (\'{"number": "+821088889999"}\')')
    found = set().union(*map(_numbers_in, _files(tmp_path)))
    assert found >= {f"10{n}{n + 1111}" for n in (2222, 3333, 4444, 5555, 6666, 7777)} | {"1012345678", "1088889999"}
    assert not _numbers("2026-01-03 05:04:05.123456 1767225600 00101234-5678-9abc-def0-010123456789")


def test_no_number_is_in_any_file_that_a_run_wrote(published_world: World, delivered: set[str]) -> None:
    settings = published_world.settings
    assert len(delivered) > 300_000, "landing was not read as it should be"
    written = list(_files(settings.home))
    rooms = {path.relative_to(settings.home).parts[0] for path in written}
    assert rooms >= {"raw", "quarantine", "warehouse.duckdb", "serving", "dagster", "dbt", "gates", "vault"}
    leaking = {
        str(path.relative_to(settings.home)): len(numbers)
        for path in written
        if (numbers := _numbers_in(path) & delivered)
    }
    assert not leaking


def test_quarantine_keeps_bad_rows_and_shows_no_digit_of_a_number(published_world: World) -> None:
    settings: Settings = published_world.settings
    personal = {
        feed.name: [column.name for column in feed.columns if column.pseudonym]
        for feed in load_feeds(settings).values()
    }
    with duckdb.connect() as con:
        for feed, names in personal.items():
            for name in names:
                files = f"{settings.quarantine_dir}/{feed}/*/*/*.parquet"
                if not list(settings.quarantine_dir.glob(f"{feed}/*/*/*.parquet")):
                    continue
                ((shown,),) = con.execute(
                    f"select count(*) from read_parquet('{files}') "
                    f"where regexp_matches(json_extract_string(masked_row, '$.{name}'), '[0-9]{{5}}')"
                ).fetchall()
                assert shown == 0, (feed, name)
