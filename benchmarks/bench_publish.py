"""Five million rows of marts published, against a bare copy of the same tables, then with one day changed; and a
hundred publications under readers.

    python benchmarks/bench_publish.py [--rows N] [--publications N]

The marts are shaped like the real ones: most rows are payments and ports behind the restricted door, and some are
aggregates behind the open one, which are written as Parquet too. The bare copy is
`create table … as select` into two fresh files and a checkpoint. Each figure is the best of some alternating tries;
compare ratios, not seconds; on a machine that does other things as well, the ratio of CPU seconds is the steadier one.

The day changed is one of 210, by an increment of the lines that says which keys it has touched, and by totals made
anew. Beside its time stands the share of blocks of `cases.duckdb` that are not those of the generation before, which is
what it takes on a file system that shares blocks.

Then three processes (a connection per query, one for twenty, one held open) read without pause while a small warehouse
is published a hundred times, with a rollback in between: none may see an error, or two generations in one connection.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from orchestration.base.settings import Settings
from orchestration.base.sql import columns_of, connect, literal
from orchestration.serving.generations import current_dir, publications, rollback
from orchestration.serving.publish import publish
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.records import prepare

TRIES = 3
ROWS = 5_000_000
PUBLICATIONS = 100
LINES = "cases.duckdb"
#: Of a DuckDB database: three headers, then blocks.
HEADERS_BYTES, BLOCK_BYTES = 3 * 4096, 1 << 18
#: Relation → its door, its share of all rows, and SQL of its columns by row number `i`.
MARTS = {
    "fraud.fct_payment": ("restricted", 0.5, """
        'T' || lpad(i::varchar, 12, '0') as payment_id, md5(i::varchar)::uuid as line_key,
        md5((i // 7)::varchar)::uuid as number_key, timestamptz '2025-08-01' + to_seconds(i % 18000000) as occurred_at,
        date '2025-08-01' + (i % 210)::integer as occurred_on, ['MICROPAYMENT', 'DCB'][1 + i % 2] as product,
        'M' || i % 4000 as merchant_id, 'CATEGORY_' || i % 12 as merchant_category, 'AUTH_' || i % 4 as auth_method,
        'KTF' || hash(i) % 190000 as cell_id, (hash(i) % 990000)::bigint as amount, 'SUCCEEDED' as status,
        i % 3 = 0 as is_disputed"""),
    "churn.fct_port": ("restricted", 0.4, """
        'P' || lpad(i::varchar, 12, '0') as port_id, md5((i // 2)::varchar)::uuid as number_key,
        md5((i // 3)::varchar)::uuid as line_key,
        ['KT', 'SKT', 'LGU'][1 + i % 3] as donor_group, ['SKT', 'LGU', 'KT'][1 + i % 3] as recipient_group,
        'HANDSET' as line_type, 'COMPLETED' as status, timestamptz '2025-08-01' + to_seconds(i * 7 % 18000000) as
        requested_at, date '2025-08-01' + (i % 210)::integer as processed_on, true as is_completed,
        i % 50 = 0 as is_withdrawn, (hash(i) % 4000)::bigint as tenure_days, (hash(i) % 300000)::bigint as etf_due"""),
    "churn.incident_headline": ("open", 0.1, """
        'INCIDENT_' || i % 5 as incident_id, date '2025-01-01' + (i // 5)::integer % 4000 as as_of_date,
        i::bigint as port_outs_day, (i * 3)::bigint as port_outs_cumulative, i / 7.0::double as top_share_all_pct"""),
}  # fmt: skip

#: The day of a relation's rows, and what changes in those of one day.
OF_A_DAY = {
    "fraud.fct_payment": ("occurred_on", "amount"),
    "churn.fct_port": ("processed_on", "tenure_days"),
    "churn.incident_headline": ("as_of_date", "port_outs_day"),
}

READER = """
import sys, pathlib, duckdb
current, stop, queries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3])
reads, seen = 0, set()
while not stop.exists():
    left, held = queries, set()
    with duckdb.connect(str(current / "marts.duckdb"), read_only=True) as con:
        while left > 0 and not stop.exists():
            newest, rows = con.execute(
                "select max(generation), max_by(rows, generation) "
                "from ops.publication where relation = 'churn.incident_headline'"
            ).fetchone()
            (count,) = con.execute("select count(*) from churn.incident_headline").fetchone()
            assert count == rows, (newest, count, rows)
            held.add(newest)
            reads, left = reads + 1, left - 1
    assert len(held) <= 1, held
    seen |= held
print(f"{reads:,} reads of {len(seen)} generations")
"""
READERS = {"a connection per query": "1", "one for twenty queries": "20", "one held open": "inf"}


def graph(settings: Settings) -> Graph:
    """The marts as dbt's manifest would tell of them."""
    nodes: dict[str, Any] = {}
    with connect(settings, str(settings.warehouse), read_only=True) as con:
        for relation, (door, _, _) in MARTS.items():
            columns = {
                name: {"name": name, "data_type": type_, "description": "", "constraints": [{"type": "not_null"}]}
                for name, type_ in columns_of(con, relation).items()
            }
            schema, name = relation.split(".")
            nodes[f"model.{relation}"] = {
                "unique_id": f"model.{relation}", "resource_type": "model", "name": name, "schema": schema,
                "tags": ["stage_marts", door], "columns": columns,
                "config": {"materialized": _kind(door), "unique_key": next(iter(columns))},
            }  # fmt: skip
    return Graph({"nodes": nodes, "parent_map": {name: [] for name in nodes}, "child_map": {}, "sources": {}})


def _kind(door: str) -> str:
    return "incremental" if door == "restricted" else "table"


def build(settings: Settings, rows: int) -> None:
    """A warehouse with that many rows in all."""
    settings.warehouse.unlink(missing_ok=True)
    with connect(settings, str(settings.warehouse)) as con:
        con.execute("create schema raw")
        con.execute("create table raw.revision (feed varchar, dt date, rev integer, is_current boolean)")
        for relation, (_, share, columns) in MARTS.items():
            con.execute(f"create schema if not exists {relation.split('.')[0]}")
            con.execute(f"create table {relation} as select {columns} from range({int(rows * share)}) as t(i)")


class Clock:
    """Seconds since it was made: on the wall, and of CPU in this process."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def bare_copy(settings: Settings, folder: Path) -> tuple[float, float]:
    """Seconds to copy the marts into two files, without looking at them."""
    started = Clock()
    with connect(settings) as con:
        con.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
        for door in ("open", "restricted"):
            path = folder / f"{door}.duckdb"
            path.unlink(missing_ok=True)
            con.execute(f"attach {literal(str(path))} as {door}")
        for relation, (door, _, _) in MARTS.items():
            con.execute(f"create schema if not exists {door}.{relation.split('.')[0]}")
            con.execute(f"create table {door}.{relation} as select * from warehouse.{relation}")
        for door in ("open", "restricted"):
            con.execute(f"checkpoint {door}")
    return started.read()


def published(settings: Settings) -> tuple[float, float]:
    """Seconds to publish them."""
    marts = graph(settings)
    started = Clock()
    assert publish(settings, marts, {}, "a benchmark") is not None
    return started.read()


def compare(folder: Path, rows: int) -> None:
    """Print both times and their ratio."""
    settings = Settings(home=folder / "large", keep_generations=2)
    settings.home.mkdir()
    build(settings, rows)
    tries = [(*bare_copy(settings, folder), *published(settings)) for _ in range(TRIES)]
    bare, bare_cpu, ours, ours_cpu = (min(times) for times in zip(*tries, strict=True))
    print(f"{rows:,} rows: bare copy {bare:.2f} s, publication {ours:.2f} s: {ours / bare:.2f}×")
    print(f"  of CPU: {bare_cpu:.2f} s, {ours_cpu:.2f} s: {ours_cpu / bare_cpu:.2f}×", flush=True)
    say_what_they_are_made_of(settings)
    one_day_later(settings)


def one_day_later(settings: Settings) -> None:
    """Change a day of the marts, and print what it takes to publish that."""
    before = published(settings)  # says what its relations were made of, as every run does
    folder = current_dir(settings)
    with connect(settings, str(settings.warehouse)) as con:
        for relation, (day, column) in OF_A_DAY.items():
            name, key = relation.split(".")[1], next(iter(columns_of(con, relation)))
            newest = f"from {relation} where {day} = (select max({day}) from {relation})"
            con.execute(f"create table pipeline.{name}__touched as select distinct {key} {newest}")
            con.execute(f"update {relation} set {column} = {column} + 1 where {key} in (select {key} {newest})")
        con.execute("update pipeline.made_of set version = 'second', replaced = 'first', was_whole = false")
    wall, cpu = published(settings)
    now = current_dir(settings)
    assert folder and now
    print(
        f"  one day later {wall:.2f} s, {wall / before[0]:.2f}× the whole; of CPU {cpu:.2f} s, {cpu / before[1]:.2f}×"
    )
    print(f"  {_blocks_changed(folder / LINES, now / LINES):.1%} of the blocks of {LINES} are new", flush=True)


def say_what_they_are_made_of(settings: Settings) -> None:
    """As a run does of each relation that it builds."""
    with connect(settings, str(settings.warehouse)) as con:
        prepare(con)
        for name in ("offered", "consumed"):
            con.execute(f"create table pipeline.{name} (model varchar, feed varchar, dt date, rev integer)")
        for relation in MARTS:
            con.execute("insert into pipeline.made_of values ($1, '{}', 'first', null, true)", [relation.split(".")[1]])


def _blocks_changed(before: Path, after: Path) -> float:
    """Share of a database's blocks that are not the same in both files."""
    count = different = 0
    with before.open("rb") as old, after.open("rb") as new:
        old.seek(HEADERS_BYTES), new.seek(HEADERS_BYTES)
        while block := new.read(BLOCK_BYTES):
            count, different = count + 1, different + (old.read(BLOCK_BYTES) != block)
    return different / count


def under_readers(folder: Path, count: int) -> None:
    """Publish again and again, while others read; print what they saw."""
    settings = Settings(home=folder / "small")
    settings.home.mkdir()
    build(settings, 20_000)
    published(settings)
    stop = folder / "stop"
    command = [sys.executable, "-c", READER, str(settings.serving_dir / "current"), str(stop)]
    processes: dict[str, subprocess.Popen[Any]] = {
        kind: subprocess.Popen([*command, queries], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for kind, queries in READERS.items()
    }
    for number in range(count):
        build(settings, 20_000 + 10 * number)
        published(settings)
        if number == count // 2:
            rollback(settings)
    stop.touch()
    print(f"{count} publications and a rollback; kept {len(publications(settings))}")
    for kind, process in processes.items():
        out, err = process.communicate(timeout=60)
        print(f"  {kind}: {out.strip() if process.returncode == 0 else err}")
        if process.returncode:
            raise SystemExit(1)


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--publications", type=int, default=PUBLICATIONS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), asked.rows)
        under_readers(Path(folder), asked.publications)


if __name__ == "__main__":
    main()
