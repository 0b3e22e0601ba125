"""Ingest against a bare DuckDB script that reads, casts, hashes and writes the same files, in the same run.

The bare script knows the files' layout by heart: it casts in the reader's own query, computes the same HMAC over the
same E.164 numbers, and writes the same partitions. It checks nothing, counts nothing and quarantines nothing.

    python benchmarks/bench_ingest.py [--full]

Each figure is the best of some alternating tries in a process of its own; compare ratios, not seconds. On a machine
that does other things as well, the ratio of CPU seconds is the steadier one.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.base.sql import connect, literal
from orchestration.contracts import load_feeds
from orchestration.ingest import ingest
from orchestration.privacy import PseudonymKey, numbers
from orchestration.privacy.numbers import e164_sql

FEED = "portability_events"
FIRST = date(2025, 1, 1)
KEY = "a key for benchmarks, and for nothing else"
#: Name, rows in all, days they are spread over.
CASES = [("1 M rows in one file", 1_000_000, 1), ("1 M rows in 396 daily files", 1_000_000, 396)]
FULL = [("10 M rows in ten files", 10_000_000, 10), ("10 M rows in 396 daily files", 10_000_000, 396)]


def write_extracts(landing: Path, rows: int, days: int) -> None:
    """Clean daily extracts of the portability log, all of one size: three states of each port, as the feed has them."""
    with connect(Settings(home=landing)) as con:
        for offset in range(days):
            folder = landing / FEED / f"dt={FIRST + timedelta(offset)}"
            folder.mkdir(parents=True)
            con.execute(
                f"""
                copy (
                    select 'P' || lpad(({offset} * 100000000::bigint + port)::varchar, 12, '0') as port_id,
                        1 + i % 3 as event_seq,
                        '010-' || lpad((hash(port) % 10000)::varchar, 4, '0') || '-'
                            || lpad((port % 10000)::varchar, 4, '0') as msisdn,
                        'KT' as donor_provider, 'KT' as donor_network,
                        ['SKT', 'LGU', 'SKT_MVNO'][1 + i % 3] as recipient_provider, 'SKT' as recipient_network,
                        'HANDSET' as line_type, ['REQUESTED', 'AUTHENTICATED', 'COMPLETED'][1 + i % 3] as status,
                        null as reject_code,
                        strftime(timestamp '2025-01-01' + interval (i % 80000) second, '%Y-%m-%d %H:%M:%S')
                            as requested_at,
                        strftime(timestamp '2025-01-01' + interval (i % 86000) second, '%Y-%m-%d %H:%M:%S')
                            as status_at,
                        if(i % 3 = 2, '{FIRST + timedelta(offset)}', null) as processed_on
                    from (select i, i // 3 as port from range({rows // days}) as t(i))
                ) to {literal(str(folder / "ports.csv"))} (header true)
                """
            )


def bare(settings: Settings, days: int) -> None:
    """Read, cast, hash, write."""
    plan = settings.site_profile.numbers
    with connect(settings) as con:
        PseudonymKey.load(settings).install(con)
        numbers.install(con, plan)
        files = [str(settings.landing_dir / FEED / f"dt={FIRST + timedelta(n)}" / "ports.csv") for n in range(days)]
        for start in range(0, days, 90):  # DuckDB keeps 100 partitions open while it writes
            part = ", ".join(literal(file) for file in files[start : start + 90])
            con.execute(
                f"""
                copy (
                    select port_id, event_seq::integer as event_seq,
                        pseudonym('msisdn', {e164_sql("msisdn", plan)}) as number_key,
                        donor_provider, donor_network, recipient_provider, recipient_network, line_type, status,
                        reject_code, requested_at::timestamptz as requested_at, status_at::timestamptz as status_at,
                        processed_on::date as processed_on, dt
                    from read_csv([{part}], header = true, hive_partitioning = true, auto_detect = false,
                        delim = ',', quote = '"', columns = {{
                        'port_id': 'varchar', 'event_seq': 'integer', 'msisdn': 'varchar', 'donor_provider': 'varchar',
                        'donor_network': 'varchar', 'recipient_provider': 'varchar', 'recipient_network': 'varchar',
                        'line_type': 'varchar', 'status': 'varchar', 'reject_code': 'varchar',
                        'requested_at': 'timestamp', 'status_at': 'timestamp', 'processed_on': 'date'}})
                ) to {literal(str(settings.home / "bare"))}
                (format parquet, compression zstd, partition_by (dt), overwrite_or_ignore)
                """
            )


def measure(what: str, landing: Path, days: int, memory: str) -> dict[str, float]:
    """Seconds and peak memory of one try, in this process."""
    home = Path(tempfile.mkdtemp(dir=landing.parent))
    settings = Settings(home=home, landing=landing, pseudonym_key=KEY, memory_limit=memory)  # type: ignore[arg-type]
    feed = load_feeds(settings)[FEED]
    before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    started = time.monotonic()
    if what == "bare":
        bare(settings, days)
    else:
        done = ingest(settings, feed, [FIRST + timedelta(n) for n in range(days)])
        if len(done) != days or any(one.receipt.rows_read != one.receipt.rows_accepted for one in done):
            raise RuntimeError("the benchmark's extracts are clean, and were not read as such")
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    shutil.rmtree(home)
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime - before, "peak_mb": used.ru_maxrss / 1024}


def in_own_process(what: str, landing: Path, days: int, memory: str) -> dict[str, float]:
    """One try in a fresh interpreter, so that neither its caches nor its memory are another's."""
    command = [sys.executable, __file__, "--measure", what, str(landing), str(days), memory]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # type: ignore[no-any-return]


def main() -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="10 M rows too")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        what, landing, days, memory = chosen.measure
        print(json.dumps(measure(what, Path(landing), int(days), memory)))
        return
    print(f"{'':32}{'bare':>9}{'ingest':>9}{'ratio':>7}{'CPU ratio':>11}{'peak bare':>11}{'peak ingest':>13}")
    for name, rows, days in CASES + (FULL if chosen.full else []):
        with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
            landing = Path(folder) / "landing"
            write_extracts(landing, rows, days)
            tries = [
                {what: in_own_process(what, landing, days, chosen.memory) for what in ("bare", "ingest")}
                for _ in range(chosen.tries)
            ]
        best = {what: min(one[what]["seconds"] for one in tries) for what in ("bare", "ingest")}
        cpu = {what: min(one[what]["cpu"] for one in tries) for what in ("bare", "ingest")}
        peak = {what: max(one[what]["peak_mb"] for one in tries) for what in ("bare", "ingest")}
        print(
            f"{name:32}{best['bare']:8.2f}s{best['ingest']:8.2f}s{best['ingest'] / best['bare']:7.2f}"
            f"{cpu['ingest'] / cpu['bare']:11.2f}"
            f"{peak['bare']:9.0f}MB{peak['ingest']:11.0f}MB"
        )


if __name__ == "__main__":
    main()
