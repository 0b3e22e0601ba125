"""One more morning of a carrier's payments scored: what it takes to learn a week and to score its first day.

    python benchmarks/bench_score.py [--payments 600000] [--days 42] [--lines 13600000]

So many payments a day (600,000 of 13.6 million lines) for so many days, one in 10,000 of them a fraud that is confirmed
two to eleven days later. All but the last day, a Monday, is built first. Measured is what its morning does, in a
process of its own: the features of the day's payments, its week's model, its scores; and of it, what learning and
scoring take. Beside it stands one bare statement that reads what any score must: the payments of thirty days of the
day's numbers and merchants, and a sum of logarithms of these. Compare ratios, not seconds. The bar is two minutes for
learning and scoring.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
from costs import Cost, cost_of, forget_settings

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.warehouse import dbt
from orchestration.warehouse.raw_relations import refresh_raw

LAST = date(2025, 12, 1)  # a Monday: its week is learnt on its morning
BAR_SECONDS = 120
MEMORY_LIMIT = "4GB"  # of the engine: Python, dbt and what the engine does not count come on top
MORNING = "import sys; sys.path.insert(0, 'benchmarks'); import bench_score as b; b.morning(sys.argv[1])"
BARE = "import sys; sys.path.insert(0, 'benchmarks'); import bench_score as b; b.bare(sys.argv[1])"
#: The file in which a morning leaves the seconds of learning and scoring.
OURS = "learnt_and_scored.txt"
#: Models that a morning with a score has beside one without.
OF_THE_SCORE = ("int_score_model__touched", "int_score_model", "score__touched", "score")

PAYMENTS = """
    select 'S' || lpad(i::varchar, 12, '0') as payment_id, 1 as event_seq, null::uuid as line_key,
        md5((hash(i) % {lines})::varchar)::uuid as number_key, 'MICROPAYMENT' as product,
        'M' || lpad((hash(i, 1) % if(is_fraud, 40, 20000))::varchar, 6, '0') as merchant_id,
        if(hash(i, 2) % 10 = 0, 'GIFT_CERTIFICATE', 'GAME') as merchant_category,
        (if(is_fraud, 100000, 1000) + hash(i, 3) % 99000)::bigint as amount,
        'SMS' as auth_method, null::boolean as is_ars_call_complete,
        'C' || (hash(i, 7) % 210000) as cell_id, 1000000::bigint as monthly_limit,
        null::timestamptz as limit_raised_at, 'SUCCEEDED' as status,
        day::timestamptz + to_seconds(if(is_fraud, 3600, 86399) * (hash(i, 8) % 1000) / 1000.0) as occurred_at,
        day as dt, 1 as rev,
    from (
        select i, date '{first}' + (i // {payments})::integer as day, hash(i, 9) % 10000 = 0 as is_fraud
        from range({begin}, {end}) as t(i)
    )
"""
DISPUTES = """
    select 'D' || payment_id as dispute_id, 1 as event_seq, payment_id, 'CONFIRMED_FRAUD' as status,
        amount as refunded_amount, occurred_at + interval 1 day as occurred_at,
        dt + (2 + hash(payment_id) % 10)::integer as dt, 1 as rev,
    from raw.payments__rows
    where amount >= 100000 and hash(substr(payment_id, 2)::bigint, 9) % 10000 = 0
"""
#: What any score must read, and nothing else.
STATEMENT = """
    create or replace temp table scored as
    with habit as (
        select number_key, count(*) as payments, avg(amount) as usual
        from raw.payments where dt between date '{day}' - 30 and date '{day}' group by all
    ),
    place as (
        select merchant_id, count(*) as payments, avg(amount) as usual
        from raw.payments where dt between date '{day}' - 30 and date '{day}' group by all
    )
    select payment_id,
        ln(1 + amount) + ln(habit.payments) + ln(habit.usual) + ln(place.payments) + ln(place.usual) as odds
    from raw.payments join habit using (number_key) join place using (merchant_id) where dt = date '{day}'
"""


def morning(home: str) -> None:
    """What a morning does; in a process of its own."""
    ours, others = 0.0, 0.0
    for result in dbt.build(_settings(home), select=["+score"], tests=[]):
        name = result.unique_id.rsplit(".", 1)[-1]
        ours, others = (ours + result.seconds, others) if name in OF_THE_SCORE else (ours, others + result.seconds)
        if result.seconds >= 1:
            print(f"    {name:28}{result.seconds:8.1f} s")
    print(f"    learning and scoring {ours:.1f} s, all else that they rest on {others:.1f} s", flush=True)
    Path(home, OURS).write_text(str(ours), "utf-8")


def bare(home: str) -> None:
    """The bare statement; in a process of its own."""
    settings = _settings(home)
    with connect(settings, str(settings.warehouse)) as con:
        con.execute(STATEMENT.format(day=LAST))


def deliver(con: duckdb.DuckDBPyConnection, words: Mapping[str, object], first: date, last: date) -> None:
    """Payments of these days come in, and disputes of them and of earlier ones."""
    begin, end = ((day - words["first"]).days * int(str(words["payments"])) for day in (first, last + timedelta(1)))  # type: ignore[operator]
    con.execute(f"insert into raw.payments__rows by name {PAYMENTS.format(**words, begin=begin, end=end)}")
    con.execute(
        f"insert into raw.payment_disputes__rows by name select * from ({DISPUTES}) "
        f"where dt between date '{first}' and date '{last}' "
    )
    for feed in ("payments", "payment_disputes"):
        con.execute(
            f"insert into raw.revision select '{feed}', d::date, 1, d + interval 30 hour, true "
            f"from range(date '{first}', date '{last}' + 1, interval 1 day) as t(d)"
        )


def prepare(settings: Settings) -> None:
    """All feeds as if they had never come."""
    with connect(settings, str(settings.warehouse)) as con:
        refresh_raw(con, settings, load_feeds(settings))
        for feed in ("payments", "payment_disputes"):
            con.execute(f"create table raw.{feed}__rows as from raw.{feed}")
            for name in (feed, f"{feed}__all_revisions"):
                con.execute(f"create or replace view raw.{name} as from raw.{feed}__rows")


def _settings(home: str) -> Settings:
    return Settings(home=Path(home), landing=None, site=None, view="operator:KT", memory_limit=MEMORY_LIMIT)


def _measured(what: str, command: str, home: str) -> Cost:
    """What a process takes, which is said."""
    cost = cost_of([sys.executable, "-c", command, home], os.environ)
    print(f"  {what:<14}{cost}", flush=True)
    return cost


def main() -> None:
    """Build the history, score the last morning, and say what that took; exits with 1 above the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=600_000)
    parser.add_argument("--days", type=int, default=42)
    parser.add_argument("--lines", type=int, default=13_600_000)
    asked = parser.parse_args()
    forget_settings()
    first = LAST - timedelta(asked.days - 1)
    words = {"first": first, "payments": asked.payments, "lines": asked.lines}
    with tempfile.TemporaryDirectory() as home:
        settings = _settings(home)
        prepare(settings)
        with connect(settings, str(settings.warehouse)) as con:
            deliver(con, words, first, LAST - timedelta(1))
        dbt.build(settings, select=["+score"], tests=[])
        with connect(settings, str(settings.warehouse)) as con:
            deliver(con, words, LAST, LAST)
        print(f"{asked.payments:,} payments a day, {asked.days} days", flush=True)
        ours = _measured("one morning", MORNING, home)
        seconds = float(Path(home, OURS).read_text("utf-8"))
        bare_statement = _measured("bare statement", BARE, home)
        with connect(settings, str(settings.warehouse), read_only=True) as con:
            row = con.execute(
                "select count(*), sum(probability), (select max(frauds) from intermediate.int_score_model) "
                "from fraud.score where first_dt = $1", [LAST]
            ).fetchone()  # fmt: skip
        assert row is not None
        scored, expected, frauds = row
        print(f"  of the morning, learning and scoring {seconds:.1f} s")
        print(f"  {scored:,} scored, {expected or 0:.1f} frauds expected, by a model of {frauds} frauds")
        print(f"  CPU {ours.cpu_seconds / bare_statement.cpu_seconds:.1f}× the bare statement")
    sys.exit(not scored or seconds > BAR_SECONDS)


if __name__ == "__main__":
    main()
