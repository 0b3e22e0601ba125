"""What changed rules would have done on history: the same models over stored features, in a copy of the warehouse."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.macros import call_macro
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect
from orchestration.rules.changes import changed_rules, checked_site
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph


class BacktestError(Refusal):
    """The changes cannot be tried; the message says why."""


@dataclass(frozen=True)
class Detection:
    """How one set of rules did on all payments; percentages are of decided alerts and of confirmed frauds.

    `delay_days` is the median from a fraud to the delivery that made it an alert; `value_pct` the share of the
    confirmed frauds' amount that was alerted.
    """

    alerts: int
    alerts_per_day: float
    most_alerts_a_day: int
    pending: int
    precision_pct: float | None
    recall_pct: float | None
    value_pct: float | None
    delay_days: float | None


@dataclass(frozen=True)
class Backtest:
    """The rules in force against the changed ones; payments that one alerts and the other does not, by what they are.

    `gained` and `lost` count them as CONFIRMED_FRAUD, REJECTED or PENDING; the lists name some of each.
    """

    in_force: Detection
    changed: Detection
    gained: dict[str, int]
    lost: dict[str, int]
    gained_payments: list[str]
    lost_payments: list[str]


def backtest(settings: Settings, changes: Path) -> Backtest:
    """Try the changes of a CSV file: `rule_id` and whichever columns of `fraud_rules` it changes.

    An empty `rule_id` stands for every rule; without a `version`, the one in force is changed.

    Raises:
        BacktestError: if there is no warehouse to try them on, or it is in use.
        ChangesError: if the file names what is not there, or no rule can have.
    """
    with _copy(settings) as apart:
        with connect(apart, str(apart.warehouse)) as con:
            rules = changed_rules(con, "reference.fraud_rules", changes)
            con.execute("create schema backtest")
            con.execute("create table backtest.alert as from fraud.alert")
            con.execute("create table backtest.payment_verdict as from fraud.payment_verdict")
        checked_site(settings, apart, changes, rules)
        # what a rule's points and parameters go into; everything before it is as it was
        models = Graph(dbt.manifest(settings)).between("fraud_rules", "alert")
        dbt.build(apart, select=models, full_refresh=True)
        with connect(apart, str(apart.warehouse)) as con:
            return _compare(con)


@contextmanager
def _copy(settings: Settings) -> Iterator[Settings]:
    """An installation with nothing but a copy of the warehouse, gone afterwards. Raw is only read, where it is."""
    if not settings.warehouse.exists():
        raise BacktestError("There is no warehouse yet; `ringfence run` builds it.")
    home = private_dir(settings.scratch_dir / f"backtest-{uuid.uuid4().hex}")
    apart = settings.model_copy(update={"home": home, "site": home / "site"})
    try:
        try:
            # an open reader keeps writers away while the file is copied
            with duckdb.connect(str(settings.warehouse), read_only=True):
                shutil.copyfile(settings.warehouse, apart.warehouse)
        except duckdb.IOException as error:
            raise BacktestError("The warehouse is being written to; try again when the run has ended.") from error
        yield apart
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _compare(con: duckdb.DuckDBPyConnection) -> Backtest:
    gained, gained_payments = _only_in(con, "fraud.alert", "backtest.alert")
    lost, lost_payments = _only_in(con, "backtest.alert", "fraud.alert")
    return Backtest(
        _detection(con, "backtest.alert"), _detection(con, "fraud.alert"), gained, lost, gained_payments, lost_payments
    )


def _detection(con: duckdb.DuckDBPyConnection, alerts: str) -> Detection:
    """What `fraud.detection_quality` would say of all months at once; every set of rules meets the same verdicts."""
    [row] = con.execute(
        f"""
        with payments as (from fraud.fct_payment),
        verdicts as (from backtest.payment_verdict),
        frauds as (
            select count(*) as frauds, sum(amount) as fraud_amount
            from payments join verdicts using (payment_id) where verdict = 'CONFIRMED_FRAUD'
        ),
        counted as (
            select {call_macro("detection_counts")}
            from (
                select payments.amount, {call_macro("detected", "payments", "alerts", "verdicts")}
                from {alerts} as alerts
                join payments on alerts.payment_id = payments.payment_id
                left join verdicts on alerts.payment_id = verdicts.payment_id
            )
        ),
        days as (select count(*) as alerts from {alerts} group by first_alerted_on)
        select
            alerts, coalesce(alerts / (select count(distinct occurred_on) from payments), 0),
            coalesce((select max(alerts) from days), 0), alerts_pending,
            {call_macro("detection_rates", "counted", "frauds")}, median_delay_days
        from counted cross join frauds
        """
    ).fetchall()
    return Detection(*row)


def _only_in(con: duckdb.DuckDBPyConnection, alerts: str, others: str) -> tuple[dict[str, int], list[str]]:
    con.execute(
        f"create or replace temp table difference as "
        f"select payment_id, score, coalesce(verdicts.verdict, 'PENDING') as verdict from {alerts} "
        f"left join backtest.payment_verdict as verdicts using (payment_id) anti join {others} using (payment_id)"
    )
    counts = dict(con.execute("select verdict, count(*) from difference group by all order by all").fetchall())
    named = con.execute("select payment_id from difference order by score desc, payment_id limit 5").fetchall()
    return counts, [payment_id for (payment_id,) in named]
