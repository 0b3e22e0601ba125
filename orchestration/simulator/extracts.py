"""Writing deliveries: rows into dated folders, spelled as the source would, with a manifest beside them.

DuckDB writes every file. Python transcodes a file whose encoding DuckDB cannot write, and writes the manifests.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

import duckdb

from orchestration.simulator.formats import FeedFormat

SQL = Path(__file__).resolve().parent / "sql"
SOURCE_ZONE = ZoneInfo("Asia/Seoul")
BYTE_ORDER_MARK = "\ufeff"


@dataclass
class FeedTally:
    """What one feed's deliveries hold: rows by what became of them, days, bytes."""

    rows: int = 0
    repeated: int = 0
    broken: int = 0
    untrue: int = 0
    days: int = 0
    bytes: int = 0
    missing: list[date] = field(default_factory=list)


def write_days(
    connection: duckdb.DuckDBPyConnection, fmt: FeedFormat, out: Path, missing: frozenset[date], tally: FeedTally
) -> None:
    """Write the deliveries from the variables from_day to to_day of one feed, and add them to the tally."""
    connection.execute(_delivered_sql(fmt))
    days = connection.execute(
        "select dt, count(*), coalesce(sum(money), 0)::bigint, count(*) filter (where copy_no = 1),"
        " count(*) filter (where flaw between 1 and 4), count(*) filter (where flaw = 5)"
        " from delivered group by dt order by dt"
    ).fetchall()
    first, last, last_day = connection.execute(
        "select getvariable('from_day'), getvariable('to_day'), getvariable('last_day')"
    ).fetchall()[0]
    absent = {day for day in missing if day < last_day}
    wanted = {row[0]: row for row in days}
    if not fmt.is_monthly:  # a monthly feed leaves no empty files between
        wanted |= {day: (day, 0, 0, 0, 0, 0) for day in _days(first, last) if day not in wanted and day not in absent}
    if not wanted:
        return
    _copy(connection, fmt, out, sorted(wanted))
    for day, rows, money, repeated, broken, untrue in (wanted[day] for day in sorted(wanted)):
        folder = out / fmt.feed / f"dt={day}"
        path = folder / f"{fmt.feed}-0.{fmt.suffix}"
        if fmt.encoding != "utf-8":
            _transcode(path, fmt.encoding)
        tally.rows += rows
        tally.repeated += repeated
        tally.broken += broken
        tally.untrue += untrue
        tally.days += 1
        tally.bytes += path.stat().st_size
        add_to_manifest(folder, path, day, rows, {fmt.money: money} if fmt.money else None)
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
    arrival = datetime.combine(day + timedelta(days=1), time(5, 40), SOURCE_ZONE)
    content = {"delivered_at": arrival.isoformat(), "files": [*listed, entry]}
    manifest.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def clear_days(out: Path, feed: str, first: date, last: date) -> None:
    """Remove what an earlier simulation left in the deliveries that are about to be written."""
    for day in _days(first, last):
        folder = out / feed / f"dt={day}"
        if folder.exists():
            shutil.rmtree(folder)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _delivered_sql(fmt: FeedFormat) -> str:
    flaws = ", ".join(f"{flaw:d}" for flaw in fmt.flaws)
    # Half of the late rows came broken or untrue first.
    flaw = f"if((h // 10000000000000) % 2 = 0, [{flaws}][1 + ((h // 20000000000000) % {len(fmt.flaws)})::int], 0)"
    return Template((SQL / "delivered.sql").read_text("utf-8")).substitute(
        feed=fmt.feed,
        line=fmt.line(),
        money=fmt.money or "0",
        flaw=flaw if fmt.flaws else "0",
        late_per_100k=fmt.late_per_100k,
        duplicates_per_100k=fmt.duplicates_per_100k,
    )


def _copy(connection: duckdb.DuckDBPyConnection, fmt: FeedFormat, out: Path, days: list[date]) -> None:
    connection.execute("create or replace temp table header (dt date, line varchar)")
    connection.executemany("insert into header values (?, ?)", [(day, _header(connection, fmt, day)) for day in days])
    (out / fmt.feed).mkdir(parents=True, exist_ok=True)
    options = "compression gzip," if fmt.is_gzipped else ""
    threads = connection.execute("select current_setting('threads')").fetchall()[0][0]
    connection.execute("set threads = 1")  # one thread, one file a day, rows in order
    connection.execute(
        f"copy (select line, dt from header union all select line, dt from delivered) to '{out / fmt.feed}'"
        f" (format csv, header false, quote '', escape '', delimiter e'\\x01', {options}"
        f" partition_by (dt), overwrite_or_ignore, filename_pattern '{fmt.feed}-{{i}}', file_extension '{fmt.suffix}')"
    )
    connection.execute(f"set threads = {threads}")


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
    beside = path.with_suffix(".part")
    with codecs.open(str(path), "r", "utf-8") as source, codecs.open(str(beside), "w", encoding) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    beside.replace(path)
