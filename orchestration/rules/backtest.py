"""What changed rules would have done on history: the same models over stored features, in a copy of the warehouse."""

from __future__ import annotations

import csv
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import columns_of, connect
from orchestration.site.check import check_site
from orchestration.site.reference import SiteError
from orchestration.warehouse import dbt

#: What a rule's points and parameters go into; everything before it is as it was.
MODELS = ("fraud_rules", "rule_hit", "int_alert", "payment_verdict", "alert")
_KEY = ("rule_id", "version")


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
        BacktestError: if there is no warehouse to try them on, it is in use, or the file names what is not there or no
            rule can have.
    """
    with _copy(settings) as apart:
        with connect(apart, str(apart.warehouse)) as con:
            rows = _changed_rules(con, changes)
            con.execute("create schema backtest")
            con.execute("create table backtest.alert as from fraud.alert")
            con.execute("create table backtest.payment_verdict as from fraud.payment_verdict")
        _write_site(settings, apart, rows)
        try:
            check_site(apart)
        except SiteError as error:  # of a file that the user has never seen; its columns are the changes'
            said = [re.sub(r"^.*?, line [0-9]+, ", f"{changes}: ", line) for line in str(error).splitlines()]
            raise BacktestError("\n".join(dict.fromkeys(said))) from None
        dbt.build(apart, select=MODELS, full_refresh=True)
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


def _changed_rules(con: duckdb.DuckDBPyConnection, changes: Path) -> list[dict[str, str]]:
    """All rules, with the changes laid over them, as a site's reference table spells them."""
    columns = list(columns_of(con, "reference.fraud_rules"))
    spelled = ", ".join(f"{name}::varchar" for name in columns)
    # the version in force comes last: the highest of the enabled ones
    found = con.execute(f"select {spelled} from reference.fraud_rules order by is_enabled, version").fetchall()
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    rules = {(row["rule_id"], row["version"]): row for row in rows}
    in_force = {row["rule_id"]: row for row in rows}
    for line, change in _read(changes, columns):
        if change.get("rule_id") and change["rule_id"] not in in_force:
            known = ", ".join(sorted(in_force))
            raise BacktestError(f"{changes}, line {line}: there is no rule {change['rule_id']!r}; known are {known}")
        for rule_id in [change["rule_id"]] if change.get("rule_id") else in_force:
            key = (rule_id, change.get("version", in_force[rule_id]["version"]))
            rules[key] = rules.get(key, in_force[rule_id]) | change | dict(zip(_KEY, key, strict=True))
    return list(rules.values())


def _read(changes: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The file's rows with their line numbers, without the cells that are empty: those change nothing."""
    with changes.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if unknown := sorted(set(reader.fieldnames or ()) - set(columns)):
            raise BacktestError(f"{changes}: {unknown[0]!r} is no column of fraud_rules ({', '.join(columns)})")
        for row in reader:
            yield reader.line_num, {name: value for name, value in row.items() if value}


def _write_site(settings: Settings, apart: Settings, rows: list[dict[str, str]]) -> None:
    """The site as it is, but with these rules."""
    assert apart.site is not None
    (apart.site / "reference").mkdir(parents=True)
    for path in settings.site.iterdir() if settings.site else ():
        if path.name != "reference":
            (apart.site / path.name).symlink_to(path.resolve())
    for path in (settings.site / "reference").glob("*.csv") if settings.site else ():
        if path.stem != "fraud_rules":
            (apart.site / "reference" / path.name).symlink_to(path.resolve())
    with (apart.site / "reference" / "fraud_rules.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _compare(con: duckdb.DuckDBPyConnection) -> Backtest:
    gained, gained_payments = _only_in(con, "fraud.alert", "backtest.alert")
    lost, lost_payments = _only_in(con, "backtest.alert", "fraud.alert")
    return Backtest(
        _detection(con, "backtest.alert"), _detection(con, "fraud.alert"), gained, lost, gained_payments, lost_payments
    )


#: The definitions of `fraud.detection_quality`, over all months. Both sets of rules are held against the same verdicts.
_DETECTION = """
    with payments as (select payment_id, occurred_on, amount from fraud.fct_payment),
    frauds as (
        select payment_id, amount from payments join backtest.payment_verdict using (payment_id)
        where verdict = 'CONFIRMED_FRAUD'
    ),
    alerts as (
        select alerts.*, verdicts.verdict, verdicts.verdict = 'CONFIRMED_FRAUD' as is_fraud
        from {alerts} as alerts left join backtest.payment_verdict as verdicts using (payment_id)
    ),
    days as (select count(*) as alerts from alerts group by first_alerted_on)
    select
        count(*), count(*) / (select count(distinct occurred_on) from payments), (select max(alerts) from days),
        count(*) filter (verdict is null),
        100 * count(*) filter (is_fraud) / nullif(count(verdict), 0),
        100 * count(*) filter (is_fraud) / nullif((select count(*) from frauds), 0),
        100 * sum(amount) filter (is_fraud) / nullif((select sum(amount) from frauds), 0),
        median(date_diff('day', occurred_on, first_alerted_on)) filter (is_fraud)
    from alerts
"""


def _detection(con: duckdb.DuckDBPyConnection, alerts: str) -> Detection:
    [row] = con.execute(_DETECTION.format(alerts=alerts)).fetchall()
    return Detection(row[0], row[1] or 0.0, row[2] or 0, *row[3:])


def _only_in(con: duckdb.DuckDBPyConnection, alerts: str, others: str) -> tuple[dict[str, int], list[str]]:
    con.execute(
        f"create or replace temp table difference as "
        f"select payment_id, score, coalesce(verdicts.verdict, 'PENDING') as verdict from {alerts} "
        f"left join backtest.payment_verdict as verdicts using (payment_id) anti join {others} using (payment_id)"
    )
    counts = dict(con.execute("select verdict, count(*) from difference group by all order by all").fetchall())
    named = con.execute("select payment_id from difference order by score desc, payment_id limit 5").fetchall()
    return counts, [payment_id for (payment_id,) in named]
