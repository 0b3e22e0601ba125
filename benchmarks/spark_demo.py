"""Some days of the demo on DuckDB, and then on a cluster of Spark on this machine: both headlines, and what each took.

    make spark-demo
    python benchmarks/spark_demo.py [--through cluster connect thrift]

It is a fortieth of the demo's lines, on seven of its days, with every port since 22 December: the whole takes Spark
hours on two cores. The cluster is a master and two workers of a core and 1 GB each, which are stopped at the end, come
what may; each way to reach it builds everything anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Literal

from costs import forget_settings
from spark_loopback import MASTER, cluster, server, tasks

from orchestration.base.settings import Settings
from orchestration.cli.shell import out
from orchestration.contracts import load_feeds
from orchestration.reporting.headline import Headline, read_headline
from orchestration.reporting.terminal.headline_shown import print_headline
from orchestration.runner import run
from orchestration.simulator import simulate
from orchestration.warehouse import dbt_session

FIRST, LAST, HISTORY_FROM = date(2025, 12, 29), date(2026, 1, 4), date(2025, 12, 22)
PANEL = 0.0005
#: By the way to reach it, where Ringfence finds Spark.
ADDRESSES = {"cluster": MASTER, "connect": "sc://127.0.0.1:15002", "thrift": "thrift://127.0.0.1:10000"}
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run them, one after the other; ends with 1 where a headline is another one."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--through", nargs="+", choices=ADDRESSES, default=["cluster"])
    through = arguments.parse_args().through
    forget_settings()
    os.environ["RINGFENCE_CONFIG"] = "none"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="spark-demo-") as name:
        folder = Path(name)
        landing = folder / "landing"
        simulate(landing, panel=PANEL, first_day=FIRST, last_day=LAST, history_from=HISTORY_FROM)
        expected = _demo(_settings(folder / "duckdb", landing, "duckdb"), "DuckDB, with the ingest of all days")
        for way in through:
            home = folder / way
            shutil.copytree(folder / "duckdb", home, symlinks=True)
            with ExitStack() as stack:
                environment = stack.enter_context(cluster(folder / f"{way}-spark"))
                os.environ.update(environment)
                if way != "cluster":
                    stack.enter_context(server(folder / f"{way}-spark", environment, ADDRESSES[way]))
                seen = _demo(_settings(home, landing, "spark", ADDRESSES[way]), f"Spark, {ADDRESSES[way]}")
            _print_tasks(tasks(folder / f"{way}-spark" / "events"))
            if seen != expected:
                sys.exit("The headlines are not the same.")
        out.print("\nThe headlines are the same.")


def _settings(home: Path, landing: Path, engine: Literal["duckdb", "spark"], address: str = "local[2]") -> Settings:
    key = "a key for a demo, and for nothing else"
    return Settings(
        home=home, landing=landing, pseudonym_key=key, engine=engine, spark=address, memory_limit="2GB"  # type: ignore[arg-type]
    )  # fmt: skip


def _demo(settings: Settings, what: str) -> list[Headline]:
    """Run all days, and show the headlines and what it took."""
    out.print(f"\n[bold]{what}[/]")
    began, before = time.perf_counter(), _used()
    report = run(settings, load_feeds(settings), FIRST, LAST, lambda step, message, has_ended: None)
    seconds = time.perf_counter() - began
    if report.exit_code:
        sys.exit("\n".join([f"It ended with {report.exit_code}.", *report.errors]))
    headlines = [read_headline(settings, as_of=day) for day in (date(2026, 1, 3), None)]
    for headline in headlines:
        print_headline(out, headline)
    out.print(f"\n{seconds:,.0f} s")
    for name, (cpu_seconds, peak_bytes) in _used().items():
        spent = cpu_seconds - before.get(name, (0.0, 0))[0]
        out.print(f"{name:12} {spent:8,.0f} CPU s {peak_bytes / 1e9:6.2f} GB at most")
    dbt_session.end()
    return headlines


def _used() -> dict[str, tuple[float, int]]:
    """CPU seconds and the largest memory of this process and of all that it has started, by what they are."""
    parents: dict[int, int] = {}
    found: dict[int, tuple[float, int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            peak = [line for line in (entry / "status").read_text().splitlines() if line.startswith("VmHWM")]
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        kilobytes = int(peak[0].split()[1]) if peak else 0
        found[int(entry.name)] = (sum(map(int, fields[11:15])) / _TICKS, kilobytes * 1024)
    used: dict[str, tuple[float, int]] = {}
    for pid, (cpu_seconds, peak_bytes) in sorted(found.items()):
        if _is_below(pid, os.getpid(), parents) and (name := _name(pid)):
            seconds, most = used.get(name, (0.0, 0))
            used[name] = (seconds + cpu_seconds, max(most, peak_bytes))
    return used


def _is_below(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while pid and pid != ancestor:
        pid = parents.get(pid, 0)
    return pid == ancestor


def _name(pid: int) -> str | None:
    try:
        said = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    names = {"CoarseGrained": "an executor", "worker.Worker": "a worker", "master.Master": "the master"}
    names |= {"dbt_process": "dbt", "SparkSubmit": "the driver"}
    return next((name for word, name in names.items() if word in said), "ringfence" if pid == os.getpid() else None)


def _print_tasks(total: Mapping[str, float]) -> None:
    out.print(
        f"{total['tasks']:,.0f} tasks, {total['cpu_seconds']:,.0f} CPU s in them, "
        f"{total['shuffled_bytes'] / 1e6:,.0f} MB shuffled, {total['spilled_bytes'] / 1e6:,.0f} MB spilled, "
        f"a heap of {total['peak_heap_bytes'] / 1e6:,.0f} MB at most"
    )


if __name__ == "__main__":
    main()
