"""Writing deliveries: rows into dated folders, spelled as the source would, with a manifest beside them.

DuckDB writes every file. Python transcodes a file whose encoding DuckDB cannot write, and writes the manifests.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from string import Template
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

import duckdb

from orchestration.base.sql import literal
from orchestration.simulator.field_dirt import FILE_FAULTS, FOLDER_FAULTS, fault_of
from orchestration.simulator.flaws import Flaw
from orchestration.simulator.formats import FeedFormat, FileFormat

SQL = Path(__file__).resolve().parent / "sql"
SOURCE_ZONE = ZoneInfo("Asia/Seoul")
BYTE_ORDER_MARK = "\ufeff"


@dataclass
class FeedTally:
    """What one feed's deliveries hold: rows by what became of them, days, bytes.

    `flaws` counts broken and untrue rows by what is wrong with them. `field_dirt` counts by kind: odd spellings of
    numbers by row, everything else by delivery.
    """

    rows: int = 0
    repeated: int = 0
    days: int = 0
    bytes: int = 0
    missing: list[date] = field(default_factory=list)
    flaws: Counter[Flaw] = field(default_factory=Counter)
    field_dirt: Counter[str] = field(default_factory=Counter)

    @property
    def untrue(self) -> int:
        """Well-formed rows that say what is not so."""
        return self.flaws[Flaw.WRONG_CONTENT]

    @property
    def broken(self) -> int:
        """Rows that cannot be taken."""
        return self.flaws.total() - self.untrue


def write_days(
    connection: duckdb.DuckDBPyConnection,
    fmt: FeedFormat,
    file_format: FileFormat,
    out: Path,
    missing: frozenset[date],
    without_manifest: frozenset[date],
    tally: FeedTally,
) -> None:
    """Write the deliveries from the variables from_day to to_day of one feed, and add them to the tally."""
    connection.execute(_delivered_sql(fmt, file_format))
    days = connection.execute(
        "select dt, count(*), coalesce(sum(money), 0)::bigint, count(*) filter (where copy_no = 1),"
        " count(*) filter (where is_spelled_oddly)"
        " from delivered group by dt order by dt"
    ).fetchall()
    flaws = connection.execute("select flaw, count(*) from delivered where flaw > 0 group by flaw").fetchall()
    tally.flaws += Counter({Flaw(flaw): rows for flaw, rows in flaws})
    first, last, last_day, seed, has_field_dirt = connection.execute(
        "select getvariable('from_day'), getvariable('to_day'), getvariable('last_day'), getvariable('seed'),"
        " getvariable('field_dirt')"
    ).fetchall()[0]
    absent = {day for day in missing if day < last_day}
    wanted = {row[0]: row for row in days}
    if not fmt.is_monthly:  # a monthly feed leaves no empty files between
        wanted |= {day: (day, 0, 0, 0, 0) for day in _days(first, last) if day not in wanted and day not in absent}
    if not wanted:
        return
    if file_format == "parquet":
        _copy_parquet(connection, fmt, out, sorted(wanted))
    else:
        _copy_csv(connection, fmt, file_format, out, sorted(wanted))
    for day, rows, money, repeated, spelled in (wanted[day] for day in sorted(wanted)):
        folder = out / fmt.feed / f"dt={day}"
        path = folder / f"{fmt.feed}-0.{fmt.suffix(file_format)}"
        if fmt.encoding != "utf-8" and file_format != "parquet":
            _transcode(path, fmt.encoding)
        is_listed = day not in without_manifest
        fault = fault_of(seed, fmt.feed, day, path, rows) if has_field_dirt and is_listed else None
        if fault in FILE_FAULTS:
            fault.commit(path)
        tally.rows += rows
        tally.repeated += repeated
        tally.days += 1
        tally.bytes += path.stat().st_size
        tally.field_dirt += Counter({fault.kind: 1} if fault else {}) + Counter(PHONE_SPELLING=spelled)
        if not is_listed:
            os.utime(path, (_arrival(day).timestamp(),) * 2)  # all that is left to say when it came
            continue
        add_to_manifest(folder, path, day, rows, {fmt.money: money} if fmt.money else None)
        if fault in FOLDER_FAULTS:
            fault.commit(path)
    tally.missing += sorted(day for day in absent if first <= day <= last)


def add_to_manifest(folder: Path, path: Path, day: date, rows: int, totals: dict[str, int] | None = None) -> None:
    """List a file in its delivery's manifest; files already listed that are still there stay listed."""
    manifest = folder / "_manifest.json"
    listed = json.loads(manifest.read_text("utf-8"))["files"] if manifest.exists() else []
    listed = [entry for entry in listed if entry["name"] != path.name and (folder / entry["name"]).exists()]
    entry: dict[str, object] = {
        "name": path.name,
        "rows": rows,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    if totals:
        entry["control_totals"] = totals
    content = {"delivered_at": _arrival(day).isoformat(), "files": [*listed, entry]}
    manifest.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _arrival(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(5, 40), SOURCE_ZONE)


def clear_days(out: Path, feed: str, first: date, last: date) -> None:
    """Remove what an earlier simulation left in the deliveries that are about to be written."""
    for day in _days(first, last):
        folder = out / feed / f"dt={day}"
        if folder.exists():
            shutil.rmtree(folder)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _delivered_sql(fmt: FeedFormat, file_format: FileFormat) -> str:
    return Template((SQL / "delivered.sql").read_text("utf-8")).substitute(
        feed=fmt.feed,
        select_list=fmt.select_list(file_format),
        select_names=fmt.select_names(file_format),
        money=fmt.money or "0",
        key_conflict=int(Flaw.KEY_CONFLICT),
        open_quote=int(Flaw.OPEN_QUOTE),
        rare_flaws=fmt.rare_flaws(),
        is_there=fmt.is_flawed(),
        is_spelled_oddly=fmt.is_spelled_oddly(),
        flaw=fmt.flaw(file_format),
        late_per_100k=fmt.late_per_100k,
        duplicates_per_100k=fmt.duplicates_per_100k,
    )


def _copy_csv(
    connection: duckdb.DuckDBPyConnection, fmt: FeedFormat, file_format: FileFormat, out: Path, days: list[date]
) -> None:
    connection.execute("create or replace temp table header (dt date, line varchar)")
    connection.executemany("insert into header values (?, ?)", [(day, _header(connection, fmt, day)) for day in days])
    suffix = fmt.suffix(file_format)
    compression = ", compression gzip" if suffix.endswith(".gz") else ""
    _copy(
        connection, fmt, out, suffix, "select line, dt from header union all select line, dt from delivered",
        f"format csv, header false, quote '', escape '', delimiter e'\\x01'{compression}",
    )  # fmt: skip


def _copy_parquet(connection: duckdb.DuckDBPyConnection, fmt: FeedFormat, out: Path, days: list[date]) -> None:
    names, options = fmt.select_names("parquet"), "format parquet, compression zstd"
    _copy(connection, fmt, out, "parquet", f"select {names}, dt from delivered", options)
    for day in days:
        path = out / fmt.feed / f"dt={day}" / f"{fmt.feed}-0.parquet"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"copy (select {names} from delivered limit 0) to {literal(str(path))} ({options})")


def _copy(
    connection: duckdb.DuckDBPyConnection, fmt: FeedFormat, out: Path, suffix: str, query: str, options: str
) -> None:
    """Write the rows of a query with a column `dt`: one file a day, in order where the database has one thread."""
    (out / fmt.feed).mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"copy ({query}) to {literal(str(out / fmt.feed))} ({options},"
        f" partition_by (dt), overwrite_or_ignore, filename_pattern '{fmt.feed}-{{i}}', file_extension '{suffix}')"
    )


def _header(connection: duckdb.DuckDBPyConnection, fmt: FeedFormat, day: date) -> str:
    """The day's header row: plain without dirt, else in one of the spellings that the contract admits."""
    chance, dirt = connection.execute(
        "select draw('header', hash(?, ?)), getvariable('dirt')", [fmt.feed, day]
    ).fetchall()[0]
    names = []
    for position, column in enumerate(fmt.columns):
        spellings = column.headers or (column.name,)
        names.append(spellings[(chance >> position) % len(spellings)] if dirt else spellings[0])
    has_mark = dirt and fmt.encoding == "utf-8" and chance % 10 == 0
    return (BYTE_ORDER_MARK if has_mark else "") + fmt.delimiter.join(names)


def _transcode(path: Path, encoding: str) -> None:
    """Write the file again in another encoding; a compressed one without the time: the same rows, the same bytes."""
    beside = path.with_suffix(".part")
    with ExitStack() as files:
        source: BinaryIO = files.enter_context(path.open("rb"))
        target: BinaryIO = files.enter_context(beside.open("wb"))
        if path.suffix == ".gz":
            source = cast(BinaryIO, files.enter_context(gzip.GzipFile(fileobj=source)))
            target = cast(BinaryIO, files.enter_context(gzip.GzipFile("", "wb", fileobj=target, mtime=0)))
        shutil.copyfileobj(codecs.getreader("utf-8")(source), codecs.getwriter(encoding)(target), 1 << 20)
    beside.replace(path)
