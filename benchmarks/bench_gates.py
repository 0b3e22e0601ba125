"""The gate of the largest relation against one bare SQL statement with the same checks; and what gates cost a run.

The relation is as wide as `int_port_latest` and judged by its own suite, clean and with one row in a thousand wrong
(failing rows are then named, told apart by day and shown as well). The bare statement counts the same rows in one round
trip. `the next day` is the gate when one day's rows are new since it passed.

    python benchmarks/bench_gates.py [--full]        1 M rows, or 10 M as well
    python benchmarks/bench_gates.py --home HOME     the share that gates had in the last run of an installation

Each figure is the best of some alternating tries; compare ratios, not seconds. On a machine that does other things as
well, the ratio of CPU seconds is the steadier one. Great Expectations is imported before the clock starts, as it is
once in a process; how long that took is printed.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import duckdb

from orchestration.base.settings import Settings
from orchestration.gates.changed import check_changed
from orchestration.gates.gate import check_relation
from orchestration.gates.suites import Suite, load_suite
from orchestration.ingest.receipt import read_receipts
from orchestration.runtime.instance import open_instance

RELATION = "intermediate.int_port_latest"
SIZES = [1_000_000]
FULL = [1_000_000, 10_000_000]
TRIES = 3

#: What the suite's conditions come down to; its queries stand in the suite as SQL already.
CONDITIONS = {
    "donor_known": "donor_group in ('UNKNOWN')",
    "recipient_known": "recipient_group in ('UNKNOWN')",
    "donor_is_not_recipient": "donor_provider = recipient_provider",
    "state_after_request": "status_at < requested_at",
    "withdrawn_was_completed": "is_withdrawn and not is_completed",
}


def create_relation(con: duckdb.DuckDBPyConnection, rows: int, *, is_clean: bool) -> None:
    """Ports of numbers that move once in a while over a year, and billing's view of one in a hundred."""
    wrong = "false" if is_clean else "i % 1000 = 7"
    con.execute(
        f"""
        create schema if not exists intermediate;
        create schema if not exists raw;
        create or replace table {RELATION} as
        select 'P' || lpad(i::varchar, 12, '0') as port_id, md5((i % {rows * 9 // 10})::varchar)::uuid as number_key,
            if({wrong}, 'X9', donor) as donor_provider, donor as donor_network,
            if({wrong}, 'UNKNOWN', donor) as donor_group, recipient as recipient_provider,
            recipient as recipient_network, recipient as recipient_group, 'HANDSET' as line_type,
            if(i % 50 = 0, 'WITHDRAWN', 'COMPLETED') as status, null::varchar as reject_code,
            (day + interval 9 hour)::timestamptz as requested_at,
            (day + interval 11 hour)::timestamptz as status_at, day as processed_on, true as is_completed,
            i % 50 = 0 as is_withdrawn, day as state_dt, day as first_dt, day as last_dt, 3 as event_seq,
        from (
            select i, date '2025-01-01' + (i * 360 // {rows})::integer as day,
                if(i < {rows * 9 // 10}, 'KT', 'SKT') as donor, if(i < {rows * 9 // 10}, 'SKT', 'LGU') as recipient,
            from range({rows}) as t(i)
        );
        create or replace table raw.subscriptions as
        select number_key, donor_provider as provider, 'PORT_OUT' as termination_reason, status_at as changed_at
        from {RELATION} where port_id[-2:] = '11';
        create or replace table intermediate.int_port_reconciled as
        select processed_on as dt, 0 as rows_lost, 0 as rows_invented from {RELATION} group by all;
        """
    )


def bare_statement(suite: Suite) -> str:
    """One statement that counts what each expectation of the suite rejects."""
    counts = []
    for expectation in suite.expectations:
        query = expectation.kwargs.get("unexpected_rows_query")
        counts.append(
            f"(select count(*) from ({query.format(batch=RELATION)}))"
            if query
            else f"count(*) filter (where {CONDITIONS[expectation.id]})"
        )
    return f"select count(*), {', '.join(counts)} from {RELATION}"


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """How long it took, by the wall clock and in CPU seconds."""
    started, used = time.perf_counter(), _cpu()
    work()
    return time.perf_counter() - started, _cpu() - used


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def compare(con: duckdb.DuckDBPyConnection, suite: Suite, name: str) -> None:
    """Print the best of alternating tries and their ratio."""
    statement = bare_statement(suite)
    gate, bare = [], []
    for _ in range(TRIES):
        gate.append(seconds(lambda: check_relation(con, suite, relation=RELATION)))
        bare.append(seconds(lambda: con.execute(statement).fetchall()))
    _print(name, _best(gate), _best(bare))


def compare_next_day(con: duckdb.DuckDBPyConnection, suite: Suite, name: str) -> None:
    """The same after a day whose rows have changed since all passed."""
    statement = bare_statement(suite)
    with TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        check_changed(con, settings, suite, RELATION)
        con.execute(f"update {RELATION} set event_seq = event_seq + 1 where first_dt = '2025-12-20'")
        gate = seconds(lambda: check_changed(con, settings, suite, RELATION))
    _print(name, gate, seconds(lambda: con.execute(statement).fetchall()))


def _print(name: str, gate: tuple[float, float], bare: tuple[float, float]) -> None:
    (gate_s, gate_cpu), (bare_s, bare_cpu) = gate, bare
    print(
        f"{name:<34} gate {gate_s:6.2f} s   bare SQL {bare_s:6.2f} s   ratio {gate_s / bare_s:5.2f}"
        f"   of CPU seconds {gate_cpu / bare_cpu:5.2f}"
    )


def print_share(home: Path) -> None:
    """What the gates of the last run that succeeded took of it, Great Expectations' import included."""
    settings = Settings(home=home)
    with open_instance(settings) as instance:
        (last,) = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1)
        run_id = last.dagster_run.run_id
        checks = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    judged = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in checks]
    gates = {
        f"{check.check_name.removeprefix('gate_')}/{check.asset_key.path[-1]}": check.metadata["seconds"].value
        for check in judged
        if check.check_name.startswith("gate_") and "seconds" in check.metadata  # else its verdict stands
    }
    took, spent = last.end_time - last.start_time, sum(gates.values())
    rows = sum(receipt.rows_read for receipt in read_receipts(settings.raw_dir))
    print(f"{rows:,} rows in raw; the last run took {took:.0f} s, {len(gates)} gates {spent:.1f} s: {spent / took:.1%}")
    for name, value in sorted(gates.items(), key=lambda entry: -entry[1])[:5]:
        print(f"  {name:<44} {value:6.2f} s")


def _best(tries: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(wall for wall, _ in tries), min(cpu for _, cpu in tries)


def main() -> None:
    """Print one line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="10 M rows as well")
    parser.add_argument("--home", type=Path, help="an installation whose last run is looked at instead")
    arguments = parser.parse_args()
    if arguments.home:
        print_share(arguments.home)
        return
    suite = load_suite("staging", "int_port_latest")
    with duckdb.connect() as con:
        con.execute("set timezone = 'Asia/Seoul'")
        create_relation(con, 1000, is_clean=True)
        first, _ = seconds(lambda: check_relation(con, suite, relation=RELATION))
        print(f"Great Expectations: {first:.1f} s to import and first use, once in a process")
        for rows in FULL if arguments.full else SIZES:
            for is_clean in (True, False):
                create_relation(con, rows, is_clean=is_clean)
                compare(con, suite, f"{rows:,} rows, {'clean' if is_clean else '1 in 1,000 wrong'}")
                if is_clean:
                    compare_next_day(con, suite, f"{rows:,} rows, the next day")


if __name__ == "__main__":
    main()
