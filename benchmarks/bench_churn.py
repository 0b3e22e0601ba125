"""What one more day costs the churn marts after 30 and after 400 days of history, model by model.

A day is 6,000 ports to or from one operator, 1,500 changes of its 100,000 lines, and some fees and invoices. The
history is built in one go, then one day is delivered and built as every morning. A ratio near 1 says that the day is
paid for, not the history.

    python benchmarks/bench_churn.py [--days 30 400]

Seconds are those that dbt reports per model, best of some mornings; compare ratios.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

from costs import forget_settings

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.warehouse import dbt
from orchestration.warehouse.raw_relations import refresh_raw

LAST = date(2026, 1, 6)  # within the waiver
MORNINGS = 2
CHURN = "path:models/marts/churn"

#: Rows of one delivery; $1 is its day, $2 the number of days before it.
DELIVERIES = {
    "portability_events": """
        select 'P' || lpad(($2 * 6000 + i)::varchar, 12, '0') as port_id, seq::integer as event_seq,
            md5('number' || ($2 * 6000 + i) * 7919 % 600000)::uuid as number_key,
            if(i % 3 = 0, 'SKT', 'KT') as donor_provider, if(i % 3 = 0, 'SKT', 'KT') as donor_network,
            if(i % 3 = 0, 'KT', 'SKT') as recipient_provider, if(i % 3 = 0, 'KT', 'SKT') as recipient_network,
            'HANDSET' as line_type, if(seq = 1, 'REQUESTED', 'COMPLETED') as status, null::varchar as reject_code,
            ($1::date + interval 9 hour)::timestamptz as requested_at,
            ($1::date + to_hours(8 + seq))::timestamptz as status_at, if(seq = 2, $1::date, null) as processed_on
        from range(6000) as t(i), range(1, 3) as u(seq)
    """,
    "subscriptions": """
        select md5('line' || n)::uuid as line_key, md5('number' || n * 7919 % 600000)::uuid as number_key,
            'KT' as provider, 'P' || n % 4 as plan_code, 30000 + n % 4 * 10000 as monthly_fee,
            'HANDSET' as line_type, 'SUBSIDY' as contract_kind, date '2020-01-01' + (n % 1800)::integer as activated_on,
            date '2024-06-01' as contract_start_on, date '2026-05-31' as contract_end_on, 100000 as etf,
            if($2 > 0 and i % 3 = 0, 'TERMINATED', 'ACTIVE') as status,
            if($2 > 0 and i % 3 = 0, 'PORT_OUT', null) as termination_reason, '30-39' as age_band, '11' as region_code,
            ($1::date + interval 15 hour)::timestamptz as changed_at
        from (select i, if($2 = 0, i, hash(i, $2) % 100000)::bigint as n from range(if($2 = 0, 100000, 1500)) as t(i))
    """,
    "termination_fees": """
        select 'F' || $2 || '-' || i as fee_event_id, md5('line' || hash(i * 3, $2) % 100000)::uuid as line_key,
            'CHARGED' as event, null::varchar as reason, 100000::bigint as amount,
            ($1::date + interval 16 hour)::timestamptz as occurred_at
        from range(500) as t(i)
    """,
    "invoices": """
        select 'B' || $2 || '-' || i as invoice_id, 1 as line_no, md5('line' || i)::uuid as line_key,
            date_trunc('month', $1::date - 20)::date as billing_month, 'RECURRING' as charge_kind,
            30000::bigint as amount, 30000::bigint as invoice_total, $1::date as issued_on
        from range(if(day($1::date) = 8 or $2 = 0, 4000, 0)) as t(i)
    """,
}


def open_warehouse(settings: Settings) -> None:
    """All feeds as if they had never come; those of the benchmark as tables with room for every day."""
    with connect(settings, str(settings.warehouse)) as con:
        refresh_raw(con, settings, load_feeds(settings))
        for feed in DELIVERIES:
            con.execute(f"create table raw.{feed}__rows as from raw.{feed}")
            for name in (feed, f"{feed}__all_revisions"):
                con.execute(f"create or replace view raw.{name} as from raw.{feed}__rows")


def deliver(settings: Settings, first_number: int, days: list[date]) -> None:
    """The deliveries of some days, of which the first is the `first_number`th."""
    with connect(settings, str(settings.warehouse)) as con:
        for number, day in enumerate(days, first_number):
            for feed, rows in DELIVERIES.items():
                of_day = rows.replace("$1", f"'{day}'").replace("$2", str(number))
                con.execute(
                    f"insert into raw.{feed}__rows by name select *, date '{day}' as dt, 1 as rev from ({of_day})"
                )
                con.execute(
                    f"insert into raw.revision values ('{feed}', '{day}', 1, '{day}'::date + interval 30 hour, true)"
                )


def mornings(days: int) -> dict[str, float]:
    """Seconds of the churn marts, by model, on a morning after `days` days of history."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), landing=None, site=None, view="operator:KT")
        open_warehouse(settings)
        deliver(settings, 0, [LAST - timedelta(days=days - 1 - number) for number in range(days)])
        dbt.build(settings, select=[f"+{CHURN}"], tests=[])
        best: dict[str, float] = defaultdict(lambda: float("inf"))
        for morning in range(MORNINGS):
            deliver(settings, days + morning, [LAST + timedelta(days=1 + morning)])
            for result in dbt.build(settings, select=[f"+{CHURN}"], tests=[]):
                name = result.unique_id.rsplit(".", 1)[-1]
                best[name] = min(best[name], result.seconds)
        churn = {path.stem for path in (dbt.DBT_PROJECT / "models" / "marts" / "churn").glob("*.*")}
        return {name: seconds for name, seconds in best.items() if name.removesuffix("__touched") in churn}


def main() -> None:
    """Print a table: seconds by model after each history, and the ratio of the longest to the shortest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, nargs="+", default=[30, 400])
    days = parser.parse_args().days
    forget_settings()
    found = [mornings(number) for number in days]
    print(f"{'seconds after days of history':34}" + "".join(f"{number:>8}" for number in days) + "   ratio")
    for name in sorted(found[-1], key=lambda name: -found[-1][name]):
        print(f"{name:34}" + "".join(f"{of[name]:8.2f}" for of in found) + f"{found[-1][name] / found[0][name]:8.1f}")
    totals = [sum(of.values()) for of in found]
    print(f"{'all churn marts':34}" + "".join(f"{total:8.2f}" for total in totals) + f"{totals[-1] / totals[0]:8.1f}")


if __name__ == "__main__":
    main()
