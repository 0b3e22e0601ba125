"""How well the shipped fraud rules find what the simulator planted, and what a full re-examination costs.

    python benchmarks/bench_fraud.py [--panel 0.02] [--seed 20260103] [--payments 3000000]

First both scenarios are simulated and run, and the alerts are held against the planted frauds, which the pipeline never
sees. The noise is our own invention, so this is a regression test and no field result. Then that many synthetic
payments are scored from the beginning by the shipped SQL (`int_payment_feature`, `rule_hit`), beside one bare DuckDB
statement that reads the same rows and does the least that any scoring must: the number's earlier payments and the cell
against the registry. Compare ratios, not seconds.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

from orchestration.contracts import load_feeds
from orchestration.runner import run
from orchestration.settings import Settings
from orchestration.simulator import planted_frauds, simulate
from orchestration.sql import connect
from orchestration.warehouse import dbt

KEY = "a key for benchmarks, and for nothing else at all"
SCENARIOS = {
    "kt_2025": (date(2025, 8, 1), date(2025, 9, 20)),
    "sim_swap_2025": (date(2025, 10, 6), date(2025, 11, 23)),
}

MEASURES = """
    with judged as (
        select features.number_key, features.first_dt, planted.payment_id is not null as is_fraud,
            alert.first_alerted_on, alert.first_alerted_on is not null as is_alerted
        from intermediate.int_payment_feature as features
        left join planted using (payment_id)
        left join fraud.alert as alert using (payment_id)
    )
    select
        count(*) as payments,
        count(*) filter (where is_fraud) as frauds,
        count(*) filter (where is_alerted) as alerts,
        100.0 * count(*) filter (where is_fraud and is_alerted) / count(*) filter (where is_alerted) as precision_pct,
        100.0 * count(*) filter (where is_fraud and is_alerted) / count(*) filter (where is_fraud) as recall_pct,
        100.0 * count(distinct number_key) filter (where is_fraud and is_alerted)
            / count(distinct number_key) filter (where is_fraud) as victims_found_pct,
        median(first_alerted_on - first_dt) filter (where is_fraud) as median_delay_days
    from judged
"""

CELLS = """
    select
        count(*) filter (where disposition = 'CONFIRMED') as confirmed_cells,
        count(*) filter (where disposition = 'CONFIRMED' and first_flagged_on = first_seen_at::date) as on_the_first_day
    from fraud.unregistered_cell
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
        (timestamp '2024-08-01' + to_seconds((hash(i, 8) % (406 * 86400))::bigint))::timestamptz as occurred_at,
        occurred_at as status_at, occurred_at::date as cell_dt, null::date as ars_incomplete_dt,
        null::date as limit_raised_dt, null::date as denied_dt, occurred_at::date as first_dt, first_dt as last_dt
    from range({payments}) as t(i)
    order by first_dt
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
    """Detection on both scenarios, then the cost of looking at everything again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panel", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=20260103)
    parser.add_argument("--payments", type=int, default=3_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for scenario in SCENARIOS:
            settings = _run_scenario(Path(folder) / scenario, scenario, arguments.panel, arguments.seed)
        _measure_re_examination(settings, arguments.payments)


def _run_scenario(home: Path, scenario: str, panel: float, seed: int) -> Settings:
    first, last = SCENARIOS[scenario]
    settings = Settings(home=home, pseudonym_key=KEY)
    simulate(settings.landing_dir, panel=panel, seed=seed, scenario=scenario, first_day=first, last_day=last)
    run(settings, load_feeds(settings), first, last, lambda step, message, has_ended: None)
    frauds = planted_frauds(panel=panel, seed=seed, scenario=scenario, first_day=first, last_day=last)
    with connect(settings, str(settings.warehouse)) as con:
        con.execute("create temp table planted as select unnest($frauds) as payment_id", {"frauds": sorted(frauds)})
        print(f"{scenario}, panel {panel}, seed {seed}")
        _print(con.execute(MEASURES))
        _print(con.execute(CELLS))
    return settings


def _measure_re_examination(settings: Settings, payments: int) -> None:
    """`--full-refresh` of features and hits over synthetic payments, beside the bare statement."""
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
        print(f"  {name:<30}{value:>12.1f}" if isinstance(value, float) else f"  {name:<30}{value:>12}")


if __name__ == "__main__":
    main()
