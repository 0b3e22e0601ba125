"""What changed rules would have done on history: the same models over stored features, in a copy of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.rules.copied import build_changed, copied

#: What both sets of rules are held against, though the desk decided alerts of one of them.
_VERDICTS = ("payment_verdict", "int_dispute_horizon")


@dataclass(frozen=True)
class Detection:
    """How one set of rules did on all payments: `fraud.detection_quality`, all months and rules together.

    `most_alerts_a_day` is of alerts by the delivery that made them; `hours_to_alert` the median from a fraud
    to its arrival.
    """

    alerts: int
    alerts_per_day: float
    alerts_per_analyst_day: float
    most_alerts_a_day: int
    undecided: int
    undisputed: int
    precision_low_pct: float | None
    precision_high_pct: float | None
    precision_matured_pct: float | None
    recall_pct: float | None
    value_alerted_pct: float | None
    value_preventable_by_line_pct: float | None
    value_preventable_by_cell_pct: float | None
    value_preventable_pct: float | None
    hours_to_alert: float | None


@dataclass(frozen=True)
class Backtest:
    """The rules in force against the changed ones; payments that one alerts and the other does not, by what they are.

    `gained` and `lost` count them as CONFIRMED_FRAUD, REJECTED or UNDECIDED; the lists name some of each.
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
        ChangesError: if the file names a rule, column or value that cannot be.
    """
    with copied(settings) as apart:
        with connect(apart, str(apart.warehouse)) as con:
            con.execute("create schema backtest")
            for relation in ("alert", "detection_quality"):
                con.execute(f"create table backtest.{relation} as from fraud.{relation}")
        # what a rule's points and parameters go into; everything before it is as it was, and so are verdicts
        build_changed(settings, apart, changes, "detection_quality", but=_VERDICTS)
        with connect(apart, str(apart.warehouse)) as con:
            return _compare(con)


def _compare(con: duckdb.DuckDBPyConnection) -> Backtest:
    gained, gained_payments = _only_in(con, "fraud.alert", "backtest.alert")
    lost, lost_payments = _only_in(con, "backtest.alert", "fraud.alert")
    return Backtest(_detection(con, "backtest"), _detection(con, "fraud"), gained, lost, gained_payments, lost_payments)


def _detection(con: duckdb.DuckDBPyConnection, schema: str) -> Detection:
    """Monthly figures of all rules together, added up."""
    [row] = con.execute(
        f"""
        with months as (from {schema}.detection_quality where rule_id = 'ALL'),
        alerted as (select first_alerted_at::date, count(*) as alerts from {schema}.alert group by all),
        days as (select count(distinct occurred_on) as days from fraud.payment_daily)
        select
            sum(alerts)::bigint, coalesce(sum(alerts) / any_value(days), 0),
            coalesce(sum(alerts) / any_value(days * analysts), 0), coalesce((select max(alerts) from alerted), 0),
            sum(alerts_undecided)::bigint, sum(alerts_undisputed)::bigint,
            100 * sum(alerts_confirmed) / nullif(sum(alerts), 0),
            100 * sum(alerts_confirmed) / nullif(sum(alerts_confirmed + alerts_rejected), 0),
            100 * sum(alerts_confirmed) filter (is_matured)
                / nullif(sum(alerts_confirmed + alerts_rejected + alerts_undisputed) filter (is_matured), 0),
            100 * sum(alerts_confirmed) / nullif(sum(frauds), 0),
            100 * sum(alerted_amount) / nullif(sum(fraud_amount), 0),
            100 * sum(preventable_by_line_amount) / nullif(sum(fraud_amount), 0),
            100 * sum(preventable_by_cell_amount) / nullif(sum(fraud_amount), 0),
            100 * sum(preventable_amount) / nullif(sum(fraud_amount), 0),
            (select median(hours_to_alert) from {schema}.alert where verdict = 'CONFIRMED_FRAUD')
        from months cross join days cross join intermediate.int_dispute_horizon
        """
    ).fetchall()
    return Detection(*row)


def _only_in(con: duckdb.DuckDBPyConnection, alerts: str, others: str) -> tuple[dict[str, int], list[str]]:
    con.execute(
        f"create or replace temp table difference as "
        f"select payment_id, score, coalesce(verdict, 'UNDECIDED') as verdict "
        f"from {alerts} anti join {others} using (payment_id)"
    )
    counts = dict(con.execute("select verdict, count(*) from difference group by all order by all").fetchall())
    named = con.execute("select payment_id from difference order by score desc, payment_id limit 5").fetchall()
    return counts, [payment_id for (payment_id,) in named]
