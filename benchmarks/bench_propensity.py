"""Every line of a carrier scored: how long it takes to say who may leave next, and in how much memory.

    python benchmarks/bench_propensity.py [--lines N]

Billing has N lines (13.6 million), of which some hundred thousand leave in half a year. All that the model rests on
is built first. Timed is what a morning does with them: traits of every line, the month's model learnt anew, the scores,
and `churn.line_propensity`, in a process of its own whose peak is measured. The bar is five minutes within 6 GB.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import date
from pathlib import Path

from costs import cost_of, forget_settings

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.raw_relations import refresh_raw

FIRST, LAST = date(2025, 6, 1), date(2025, 11, 30)
BAR_SECONDS, BAR_GB = 300, 6
MEMORY_LIMIT = "4GB"  # of the engine: Python, dbt and what the engine does not count come on top
MART = "line_propensity"
FIRST_SCORED = "int_propensity_line"
SCORING = f"+{MART},{FIRST_SCORED}+"
SCORE = "import sys; sys.path.insert(0, 'benchmarks'); import bench_propensity as b; b.score(sys.argv[1])"

#: Of line `i`, whether and when it is ported out: one in a hundred and fifty, more of the young and of those unbound.
LINES = """
    create temp table line as
    select i, (hash(i) >> 1)::bigint as h, md5('line' || i)::uuid as line_key, md5('number' || i)::uuid as number_key,
        md5('account' || i // 3)::uuid as account_key,
        (10 * (1 + h % 8))::varchar || '-' || 10 * (1 + h % 8) + 9 as age_band,
        ['SUBSIDY', 'SELECTIVE', 'NONE'][1 + (h >> 8) % 3] as contract_kind,
        date '2017-01-01' + ((h >> 16) % 3000)::integer as activated_on,
        date '2025-06-02' + ((h >> 32) % 181)::integer as leaves_on,
        (h >> 40) % 300 < if(h % 8 < 3, 3, 1) + if(contract_kind = 'NONE', 2, 0) as leaves,
    from range($1) as t(i)
"""
DELIVERIES = {
    "subscriptions": """
        select line_key, number_key, 'KT' as provider, 'P' || h % 30 as plan_code, 30000 + h % 30 * 2000 as monthly_fee,
            'HANDSET' as line_type, contract_kind, activated_on, if(contract_kind = 'NONE', null, date '2024-06-01') as
            contract_start_on, if(contract_kind = 'NONE', null, date '2025-07-01' + (h % 700)::integer) as
            contract_end_on, h % 20 * 10000 as etf, status, if(status = 'ACTIVE', null, 'PORT_OUT') as
            termination_reason, age_band, '11' as region_code, account_key, changed_on::timestamptz as changed_at,
            greatest(changed_on, date '2025-06-01') as dt
        from (
            select *, 'ACTIVE' as status, activated_on as changed_on from line
            union all select *, 'TERMINATED', leaves_on from line where leaves
        )
    """,
    "portability_events": """
        select 'P' || i as port_id, seq::integer as event_seq, number_key, 'KT' as donor_provider,
            'KT' as donor_network, ['SKT', 'LGU'][1 + h % 2] as recipient_provider, recipient_provider as
            recipient_network, 'HANDSET' as line_type, if(seq = 1, 'REQUESTED', 'COMPLETED') as status,
            leaves_on::timestamptz - interval 3 hour as requested_at, requested_at + to_hours(seq) as status_at,
            if(seq = 2, leaves_on, null) as processed_on, leaves_on as dt
        from line, range(1, 3) as u(seq)
        where leaves
    """,
}


def deliver(settings: Settings, lines: int) -> None:
    """All feeds as if they had never come, but what billing and the clearing house tell of the lines."""
    with connect(settings, str(settings.warehouse)) as con:
        refresh_raw(con, settings, load_feeds(settings))
        con.execute(LINES.replace("$1", str(lines)))
        for feed, rows in DELIVERIES.items():
            con.execute(f"create table raw.{feed}__rows as from raw.{feed}")
            con.execute(f"insert into raw.{feed}__rows by name select *, 1 as rev from ({rows})")
            for name in (feed, f"{feed}__all_revisions"):
                con.execute(f"create or replace view raw.{name} as from raw.{feed}__rows")
            con.execute(
                f"insert into raw.revision select '{feed}', d::date, 1, d + interval 30 hour, true "
                f"from range(date '{FIRST}', date '{LAST}' + 1, interval 1 day) as t(d)"
            )


def score(home: str) -> None:
    """What a morning does; in a process of its own."""
    for result in dbt.build(_settings(home), select=[SCORING], tests=[]):
        print(f"    {result.unique_id.rsplit('.', 1)[-1]:28}{result.seconds:8.1f} s")


def beneath_scoring(settings: Settings) -> list[str]:
    """Selects all that the scoring rests on."""
    graph = Graph(dbt.manifest(settings))
    scoring = graph.between(FIRST_SCORED, MART)
    parents = {one.name for node in graph.in_order() if node.name in scoring for one in graph.made_from(node)[0]}
    return [f"+{name}" for name in sorted(parents.difference(scoring))]


def _settings(home: str) -> Settings:
    return Settings(home=Path(home), landing=None, site=None, view="operator:KT", memory_limit=MEMORY_LIMIT)


def main() -> None:
    """Build, score, and say how long it took; exits with 1 above the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=13_600_000)
    lines = parser.parse_args().lines
    forget_settings()
    with tempfile.TemporaryDirectory() as home:
        settings = _settings(home)
        deliver(settings, lines)
        dbt.build(settings, select=beneath_scoring(settings), tests=[])
        cost = cost_of([sys.executable, "-c", SCORE, home], os.environ)
        with connect(settings, str(settings.warehouse), read_only=True) as con:
            row = con.execute(f"select count(*), sum(probability), max(trained_for) from churn.{MART}").fetchone()
        assert row is not None
        scored, expected, trained_for = row
        print(f"{scored:,} of {lines:,} lines scored: {cost}")
        print(f"{expected:,.0f} expected to leave within 30 days, by the model of {trained_for:%B %Y}")
    sys.exit(not scored or cost.wall_seconds > BAR_SECONDS or cost.peak_bytes > BAR_GB * 2**30)


if __name__ == "__main__":
    main()
