"""How well the shipped fraud rules find what the simulator planted, and what a full re-examination costs.

    python benchmarks/bench_fraud.py [--only PART] [--panel SHARE] [--seed 20260103] [--payments 3000000]

Both scenarios are simulated, ingested and built, and the alerts are held against the planted frauds, which the pipeline
never sees. The noise is our own invention, so this is a regression test and no field result.

Then (`again`) that many synthetic payments are scored from the beginning by the shipped SQL (`int_payment_feature`,
`rule_hit`), beside one bare DuckDB statement that reads the same rows and does the least that any scoring must: the
number's earlier payments and the cell against the registry. Compare ratios, not seconds.

Left out unless asked for: `--only champion` (`champion-sim-swaps`, `champion-winter`), the rules against the score at
the same budget, by verdicts as a site would have them, week by week out of time, over half a year (some minutes each).

Left out, too, since they want a machine for long (`make bench-full`): `--only every-line`, the weeks of
the incident with every line of the carrier, which is the true base rate (13 minutes of CPU, 6.5 GB of memory, 25 GB
under TMPDIR); and `--only again --payments 147000000`, as many as there were (8 GB, 50 GB).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.ingest import ingest
from orchestration.runtime.partitions import days_between
from orchestration.simulator import SimulationSummary, simulate
from orchestration.warehouse import dbt
from orchestration.warehouse.raw_relations import refresh_raw

KEY = "a key for benchmarks, and for nothing else at all"
#: What the rules read, directly or not.
FEEDS = (
    "payments", "payment_disputes", "alert_dispositions", "cell_registry", "cell_attachments", "sim_changes",
    "portability_events",
)  # fmt: skip
JUDGED = ("alert", "unregistered_cell", "int_blocked_payment")


@dataclass(frozen=True)
class Case:
    """A scenario, the days of it, and the share of the carrier's lines."""

    scenario: str
    first: date
    last: date
    panel: float = 0.02


SCENARIOS = {
    "incident": Case("kt_2025", date(2025, 8, 1), date(2025, 9, 20)),
    "sim-swaps": Case("sim_swap_2025", date(2025, 10, 6), date(2025, 11, 23)),
    "every-line": Case("kt_2025", date(2025, 8, 5), date(2025, 9, 5), panel=1.0),
    "champion": Case("kt_2025", date(2025, 8, 1), date(2026, 1, 31)),
    "champion-sim-swaps": Case("sim_swap_2025", date(2025, 10, 6), date(2026, 1, 31)),
    "champion-winter": Case("kt_2025", date(2025, 10, 1), date(2026, 2, 28)),
}


MEASURES = """
    with judged as (
        select features.number_key, features.occurred_at, planted.payment_id is not null as is_fraud,
            alert.first_alerted_at, alert.first_alerted_at is not null as is_alerted
        from intermediate.int_payment_feature as features
        left join planted using (payment_id)
        left join fraud.alert as alert using (payment_id)
    )
    select
        count(*) as payments,
        count(*) filter (where is_fraud) as frauds,
        100.0 * count(*) filter (where is_fraud and is_alerted) / count(*) filter (where is_fraud) as recall_pct,
        count(distinct number_key) filter (where is_fraud) as victims,
        count(distinct number_key) filter (where is_fraud and is_alerted) as victims_found,
        median(date_diff('minute', occurred_at, first_alerted_at) / 60) filter (where is_fraud) as median_hours,
        count(*) filter (where is_alerted) as alerts,
        100.0 * count(*) filter (where is_fraud and is_alerted) / count(*) filter (where is_alerted) as precision_pct
    from judged
"""

BY_KIND = """
    select planted.kind, count(*) as payments, count(alert.payment_id) as found
    from planted
    join intermediate.int_payment_feature using (payment_id)
    left join fraud.alert as alert using (payment_id)
    group by all
    order by 1
"""

CELLS = """
    with used as (
        select distinct cell_id from intermediate.int_payment_feature semi join planted using (payment_id)
    )
    select
        count(*) filter (where cell_id in (from used)) as rogue_cells_flagged,
        count(*) filter (where cell_id in (from used) and first_flagged_on <= first_seen_at::date + 1) as at_once,
        count(*) filter (where disposition = 'CLEARED') as late_cells_cleared
    from fraud.unregistered_cell
"""

#: What the block list of the last morning would have stopped, held against what was planted.
BLOCKED = """
    with payments as (
        select
            features.payment_id, features.amount, planted.payment_id is not null as is_fraud,
            cell_id in (select cell_id from fraud.unregistered_cell) as is_on_rogue_cell,
            blocked.payment_id is not null as is_blocked
        from intermediate.int_payment_feature as features
        left join planted using (payment_id)
        left join intermediate.int_blocked_payment as blocked using (payment_id)
    )
    select
        100.0 * sum(amount) filter (where is_fraud and is_blocked) / sum(amount) filter (where is_fraud)
            as value_preventable_pct,
        100.0 * sum(amount) filter (where is_fraud and is_on_rogue_cell and is_blocked)
            / sum(amount) filter (where is_fraud and is_on_rogue_cell) as of_it_on_rogue_cells_pct,
        count(*) filter (where not is_fraud and is_blocked) as false_blocks,
        100.0 * count(*) filter (where not is_fraud and is_blocked) / count(*) filter (where not is_fraud)
            as false_block_pct
    from payments
"""

#: Rules and score on the same payments, by month.
CHAMPION = """
    select strftime(month, '%Y-%m'), scope, detector, payments, frauds, frauds_found, days * top_k as places,
        average_precision_pct, card_precision_pct, average_precision_gain_low_pct, average_precision_gain_high_pct
    from fraud.challenger_quality order by scope, month, detector
"""

#: As if no later list had cleared a cell that was missing from the one in force on the day.
NEVER_CLEARED = """
    create table main.cleared as
    select cell_id, max(cleared_on) as cleared_on from fraud.unregistered_cell_daily
    where cleared_on is not null group by all;
    update intermediate.int_unregistered_payment set cleared_on = null where cell_dt < cleared_on;
    update intermediate.int_unregistered_attachment set cleared_on = null where dt < cleared_on;
"""

#: What each day's run alerted by what it knew; who had been on a cell was suspected until the day that cleared it.
RAISED = """
    with raised as (
        select hits.payment_id
        from fraud.rule_hit as hits
        left join main.cleared
            on hits.rule_id = 'EXPOSED_NUMBER' and (hits.evidence ->> 'cell_id') = cleared.cell_id
        where hits.known_dt < coalesce(cleared.cleared_on, date '9999-12-31')
        group by all
        having sum(hits.points) >= (select min(alert_threshold) from reference.fraud_rules)
    )
    select
        count(*) as alerts_raised_by_daily_runs,
        100.0 * count(*) filter (where payment_id in (select payment_id from planted)) / count(*)
            as precision_of_these_pct
    from raised
"""

PAYMENTS = """
    create or replace table intermediate.int_payment_latest as
    select
        'S' || lpad(i::varchar, 12, '0') as payment_id, null::uuid as line_key,
        md5((hash(i) % {numbers})::varchar)::uuid as number_key, 'MICROPAYMENT' as product,
        'M' || lpad((hash(i, 1) % 900)::varchar, 6, '0') as merchant_id,
        if(hash(i, 2) % 10 = 0, 'GIFT_CERTIFICATE', 'GAME') as merchant_category,
        (1000 + hash(i, 3) % 99000)::bigint as amount, if(hash(i, 4) % 3 = 0, 'ARS', 'SMS') as auth_method,
        if(hash(i, 4) % 3 = 0, hash(i, 5) % 200 > 0, null) as is_ars_call_complete,
        if(hash(i, 6) % 100000 = 0, 'ROGUE', 'C' || (hash(i, 7) % 210000)) as cell_id, 1000000::bigint as monthly_limit,
        null::timestamptz as limit_raised_at, 2 as event_seq, 'SUCCEEDED' as status,
        timestamptz '2024-08-01 00:00:00+09' + to_microseconds(i * (406 * 86400000000 // {payments})) as occurred_at,
        occurred_at as status_at, occurred_at::date as cell_dt, null::date as ars_incomplete_dt,
        null::date as limit_raised_dt, null::date as denied_dt, null::date as refused_dt,
        occurred_at::date as ended_dt, occurred_at::date as first_dt, first_dt as last_dt
    from range({payments}) as t(i)
"""

BARE = """
    create or replace temp table bare as
    select
        payment_id, row_number() over (partition by number_key order by occurred_at) as nth,
        cells.cell_id is null as is_unregistered
    from intermediate.int_payment_latest as payments
    left join (select distinct cell_id from intermediate.int_cell_interval) as cells using (cell_id)
"""


def main() -> None:
    """Run the part that was asked for, or all that take minutes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=(*SCENARIOS, "again"))
    parser.add_argument("--panel", type=float, help="0.02, but 1 of every-line")
    parser.add_argument("--seed", type=int, default=20260103)
    parser.add_argument("--payments", type=int, default=3_000_000)
    arguments = parser.parse_args()
    for part in [arguments.only] if arguments.only else ["incident", "sim-swaps", "again"]:
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(home=Path(home), pseudonym_key=KEY)
            if part == "again":
                _measure_re_examination(settings, arguments.payments, arguments.seed)
            else:
                case = SCENARIOS[part]
                case = replace(case, panel=arguments.panel or case.panel)
                measure = _measure_champion if part.startswith("champion") else _measure_detection
                measure(settings, case, arguments.seed)


def _build(
    settings: Settings, case: Case, seed: int, models: Sequence[str] = JUDGED
) -> tuple[SimulationSummary, float]:
    """Simulate, ingest and build models and what they read; what was simulated, and the seconds of dbt."""
    # ports count for a week
    days = {"first_day": case.first, "last_day": case.last, "history_from": case.first - timedelta(days=10)}
    made = simulate(settings.landing_dir, panel=case.panel, seed=seed, scenario=case.scenario, feeds=FEEDS, **days)
    feeds = load_feeds(settings)
    for feed in FEEDS:
        ingest(settings, feeds[feed], days_between(case.first, case.last))
    with connect(settings, str(settings.warehouse)) as con:
        refresh_raw(con, settings, feeds)
    started = time.perf_counter()
    dbt.build(settings, select=[f"+{model}" for model in models], exclude=["resource_type:test"])
    return made, time.perf_counter() - started


def _measure_detection(settings: Settings, case: Case, seed: int) -> None:
    """Hold the alerts of a scenario against its planted frauds."""
    made, build_seconds = _build(settings, case, seed)
    print(f"{case.scenario}, {case.first} to {case.last}, panel {case.panel:g}, seed {seed}")
    print(f"  {'build_seconds':<30}{build_seconds:>12.0f}")
    with connect(settings, str(settings.warehouse)) as con:
        con.execute(
            "create table main.planted as select unnest($frauds) as payment_id, unnest($kinds) as kind",
            {"frauds": list(made.planted), "kinds": list(made.planted.values())},
        )
        _print(con.execute(MEASURES))
        for kind, payments, found in con.execute(BY_KIND).fetchall():
            print(f"  {'found of ' + kind:<30}{found:>12,} of {payments:,}", flush=True)
        _print(con.execute(CELLS))
        _print(con.execute(BLOCKED))
        con.execute(NEVER_CLEARED)
    dbt.build(settings, select=["rule_hit"], exclude=["resource_type:test"], full_refresh=True)
    with connect(settings, str(settings.warehouse)) as con:
        _print(con.execute(RAISED))


def _measure_champion(settings: Settings, case: Case, seed: int) -> None:
    """Rules and score by month and to date, by verdicts that a site would have."""
    _build(settings, case, seed, models=["challenger_quality"])
    print(f"{case.scenario}, {case.first} to {case.last}, panel {case.panel:g}, seed {seed}")
    with connect(settings, str(settings.warehouse), read_only=True) as con:
        for row in con.execute(CHAMPION).fetchall():
            print("  " + "".join(f"{value:>13.4g}" if isinstance(value, float) else f"{value!s:>10}" for value in row))


def _measure_re_examination(settings: Settings, payments: int, seed: int) -> None:
    """`--full-refresh` of features and hits over synthetic payments, beside the bare statement."""
    _build(settings, Case("sim_swap_2025", date(2025, 10, 6), date(2025, 10, 12), panel=0.002), seed)
    with connect(settings, str(settings.warehouse)) as con:
        con.execute(PAYMENTS.format(payments=payments, numbers=max(payments * 136 // 1470, 1)))
        started = time.perf_counter()
        con.execute(BARE)
        bare = time.perf_counter() - started
    results = dbt.build(
        settings, select=["int_payment_feature", "int_unregistered_payment", "rule_hit"], full_refresh=True
    )
    models = {result.unique_id: result.seconds for result in results if result.unique_id.startswith("model.")}
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 / 1024
    for name, seconds in models.items():
        print(f"  {name.split('.')[-1]:<30}{seconds:8.1f} s")
    total = sum(models.values())
    print(f"  {payments:,} payments: {total:.1f} s, peak {peak:.1f} GB")
    print(f"  {total / bare:.1f} times a bare statement ({bare:.1f} s)")


def _print(result: duckdb.DuckDBPyConnection) -> None:
    names = [column[0] for column in result.description]
    for name, value in zip(names, result.fetchall()[0], strict=True):
        shown = "–" if value is None else format(value, ".5g" if isinstance(value, float) else ",")
        print(f"  {name:<30}{shown:>12}", flush=True)


if __name__ == "__main__":
    main()
