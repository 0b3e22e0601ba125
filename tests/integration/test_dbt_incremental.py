"""The incremental models against a full rebuild, on small random deliveries through dbt's CLI."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import md5
from math import log
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score

from orchestration.base.settings import Settings
from orchestration.evidence.basis import basis_of
from orchestration.evidence.figure import figure_of, read
from orchestration.evidence.trace import recount
from orchestration.reporting import plots
from orchestration.rules.backtest import backtest
from orchestration.rules.changes import ChangesError
from orchestration.warehouse.graph import Graph
from tests.support.dbt_warehouse import Warehouse
from tests.support.fraud_recount import Known

SEED = 20260103
FIRST_DAY = date(2025, 12, 30)
CELLS = [f"CELL-{n}" for n in range(8)]
ROGUE = "CELL-ROGUE"
Row = dict[str, Any]


def _uuid(kind: int, number: int) -> str:
    return str(UUID(int=kind << 64 | number))


def _only_of(dt: date) -> str:
    """A port that no other day names, and that a corrected delivery takes away altogether."""
    return f"P-{dt}"


@dataclass
class Deliveries:
    """Random but reproducible deliveries of all feeds, by day; few keys, so that days keep touching each other's."""

    rng: random.Random
    fees: random.Random = field(default_factory=lambda: random.Random(SEED))
    again: random.Random = field(default_factory=lambda: random.Random(SEED))
    revisions: dict[tuple[str, date], int] = field(default_factory=lambda: defaultdict(int))
    contents: dict[tuple[str, date], list[Row]] = field(default_factory=dict)

    def day(self, dt: date) -> Iterator[tuple[str, date, int, list[Row]]]:
        """The deliveries for a day, as (feed, dt, rev, rows)."""
        ports = [*(self._port(dt) for _ in range(14)), self._port(dt) | {"port_id": _only_of(dt)}]
        yield self._revise("portability_events", dt, ports)
        changes = [*(self._subscription(dt) for _ in range(8)), *self._told_again("subscriptions", dt, 3)]
        yield self._revise("subscriptions", dt, changes)
        yield self._revise("payments", dt, [self._payment(dt) for _ in range(18)])
        disputes = [*(self._dispute(dt) for _ in range(4)), *self._told_again("payment_disputes", dt, 1)]
        yield self._revise("payment_disputes", dt, disputes)
        yield self._revise("cell_attachments", dt, self._crowd(dt))
        yield self._revise("sim_changes", dt, [self._sim_change(dt) for _ in range(2)])
        decisions = [self._disposition(dt), *self._told_again("alert_dispositions", dt, 1)]
        yield self._revise("alert_dispositions", dt, decisions)
        yield self._revise("termination_fees", dt, [self._fee(dt) for _ in range(6)])
        yield self._revise("invoices", dt, [self._invoice_line(dt) for _ in range(8)])
        if dt.day % 4:  # now and then a list is missing
            yield self._revise("cell_registry", dt, self._cells())

    def corrected(self, feed: str, dt: date) -> tuple[str, date, int, list[Row]]:
        """A corrected delivery of an earlier day: rows gone, rows changed, rows added."""
        rows = [row for row in self.contents[feed, dt] if self.rng.random() > 0.3]
        if feed == "portability_events":
            rows = [row for row in rows if row["port_id"] != _only_of(dt)]
            for row in rows:
                if row["processed_on"] and self.rng.random() < 0.5:
                    row["processed_on"] += timedelta(days=1)
            rows = [*rows, *(self._port(dt) for _ in range(3))]
        if feed == "payments":
            rows = [*rows, *(self._payment(dt) for _ in range(3))]
        if feed == "subscriptions":
            rows = [*rows, *(self._subscription(dt) for _ in range(3))]
        if feed == "termination_fees":
            rows = [*rows, *(self._fee(dt) for _ in range(3))]
        return self._revise(feed, dt, rows)

    def _told_again(self, feed: str, dt: date, rows: int) -> list[Row]:
        """As many rows of earlier days, if there are any: under the same keys, and what they say is another thing."""
        rng = self.again
        otherwise: dict[str, Callable[[], Row]] = {
            "subscriptions": lambda: {
                "number_key": _uuid(1, rng.randrange(12)),
                "activated_on": date(2025, rng.randrange(1, 13), 1),
            },
            "payment_disputes": lambda: {"status": rng.choice(["OPENED", "CONFIRMED_FRAUD", "REJECTED"])},
            "alert_dispositions": lambda: {"disposition": rng.choice(["CONFIRMED", "CLEARED", "WATCH"])},
        }
        told = [row for (of, day), earlier in self.contents.items() if of == feed and day < dt for row in earlier]
        return [row | otherwise[feed]() for row in rng.sample(told, min(rows, len(told)))]

    def _revise(self, feed: str, dt: date, rows: list[Row]) -> tuple[str, date, int, list[Row]]:
        keys = {
            "portability_events": ("port_id", "event_seq"),
            "subscriptions": ("line_key", "changed_at"),
            "payments": ("payment_id", "event_seq"),
            "payment_disputes": ("dispute_id", "event_seq"),
            "termination_fees": ("fee_event_id",),
            "invoices": ("invoice_id", "line_no"),
            "cell_registry": ("cell_id",),
            "cell_attachments": ("number_key", "cell_id", "hour_start"),
            "sim_changes": ("number_key", "changed_at"),
            "alert_dispositions": ("case_id", "decided_at"),
        }[feed]
        unique = {tuple(row[key] for key in keys): dict(row) for row in rows}
        self.revisions[feed, dt] += 1
        self.contents[feed, dt] = list(unique.values())
        return feed, dt, self.revisions[feed, dt], self.contents[feed, dt]

    def _instant(self, dt: date) -> datetime:
        return datetime.combine(dt, datetime.min.time()) + timedelta(minutes=self.rng.randrange(24 * 60))

    def _port(self, dt: date) -> Row:
        rng = self.rng
        number = rng.randrange(12)
        donor, recipient = rng.sample(["KT", "SKT", "LGU", "KT_MVNO"], 2)
        status = rng.choice(["REQUESTED", "COMPLETED", "COMPLETED", "COMPLETED", "WITHDRAWN", "REJECTED"])
        late = rng.randrange(3)
        return {
            "port_id": f"P{rng.randrange(40)}",
            "event_seq": rng.randrange(1, 5),
            "number_key": _uuid(1, number),
            "donor_provider": donor,
            "donor_network": donor.split("_")[0],
            "recipient_provider": recipient,
            "recipient_network": recipient.split("_")[0],
            "line_type": rng.choice(["HANDSET", "IOT"]),
            "sales_channel": "DEALER" if number % 3 else "ONLINE",
            "dealer_code": f"D{number % 3}" if number % 3 else None,
            "status": status,
            "requested_at": self._instant(dt - timedelta(days=rng.randrange(3))),
            "status_at": self._instant(dt),
            "processed_on": dt - timedelta(days=late) if status == "COMPLETED" else None,
        }

    def _subscription(self, dt: date) -> Row:
        rng = self.rng
        status = rng.choice(["ACTIVE", "ACTIVE", "SUSPENDED", "TERMINATED"])
        return {
            "line_key": _uuid(2, rng.randrange(10)),
            "number_key": _uuid(1, rng.randrange(12)),
            "provider": "KT",
            "plan_code": rng.choice("ABC"),
            "monthly_fee": rng.randrange(3, 9) * 10_000,
            "line_type": "HANDSET",
            "contract_kind": "SUBSIDY",
            "activated_on": date(2025, 1, 1),
            "contract_start_on": date(2025, 1 + 9 * (dt.day % 2), 1),
            "contract_end_on": date(2026, 12, 31),
            "etf": rng.randrange(200_000),
            "status": status,
            "termination_reason": "PORT_OUT" if status == "TERMINATED" else None,
            "age_band": "30-39",
            "region_code": rng.choice(["41210", "11545", "41290"]),
            "dealer_code": f"D{dt.day % 2}",
            "changed_at": self._instant(dt - timedelta(days=rng.randrange(4))),
        }

    def _fee(self, dt: date) -> Row:
        number = self.fees.randrange(60)
        event = ("CHARGED", "CHARGED", "REFUND_REQUESTED", "REFUNDED", "REFUND_REFUSED")[number % 5]
        return {
            "fee_event_id": f"F{number}",
            "line_key": _uuid(2, number % 10),
            "event": event,
            "reason": {"CHARGED": None, "REFUND_REFUSED": "IOT"}.get(event, "KT_WAIVER_2026"),
            "amount": self.fees.randrange(1, 9) * 10_000,
            "occurred_at": datetime.combine(dt, datetime.min.time()) - timedelta(minutes=self.fees.randrange(4000)),
        }

    def _invoice_line(self, dt: date) -> Row:
        number = self.fees.randrange(20)
        return {
            "invoice_id": f"B{number}",
            "line_no": self.fees.randrange(1, 4),
            "line_key": _uuid(2, number % 10),
            "billing_month": date(2025, 11 + number % 2, 1),
            "charge_kind": self.fees.choice(["RECURRING", "DISCOUNT", "ETF"]),
            "amount": self.fees.randrange(-9, 60) * 1_000,
            "invoice_total": 40_000,
            "issued_on": dt,
        }

    def _payment(self, dt: date) -> Row:
        rng = self.rng
        method = rng.choice(["ARS", "SMS", "PASS"])
        return {
            "payment_id": f"M{rng.randrange(50)}",
            "event_seq": rng.randrange(1, 4),
            "line_key": _uuid(2, rng.randrange(10)) if rng.random() < 0.8 else None,
            "number_key": _uuid(1, rng.randrange(12)),
            "product": rng.choice(["MICROPAYMENT", "DCB"]),
            "merchant_id": f"SHOP-{rng.randrange(5)}",
            "merchant_category": rng.choice(["GIFT_CERTIFICATE", "GAME"]),
            "amount": rng.randrange(1, 100) * 1000,
            "auth_method": method,
            "is_ars_call_complete": rng.random() < 0.6 if method == "ARS" else None,
            "cell_id": rng.choice([*CELLS, ROGUE, None]),
            "monthly_limit": 1_000_000,
            "status": rng.choice(["PENDING", "SUCCEEDED", "SUCCEEDED", "DENIED"]),
            "occurred_at": self._instant(dt - timedelta(days=rng.randrange(3))),
        }

    def _dispute(self, dt: date) -> Row:
        rng = self.rng
        number = rng.randrange(12)
        return {
            "dispute_id": f"D{number}",
            "event_seq": rng.randrange(1, 4),
            "payment_id": f"M{number * 3}",
            "status": rng.choice(["OPENED", "CONFIRMED_FRAUD", "REJECTED"]),
            "refunded_amount": rng.randrange(5) * 1000,
            "occurred_at": self._instant(dt),
        }

    def _crowd(self, dt: date) -> list[Row]:
        rng = self.rng
        hour = datetime.combine(dt - timedelta(days=rng.randrange(2)), datetime.min.time()) + timedelta(
            hours=rng.randrange(24)
        )
        return [
            {
                "number_key": _uuid(1, number),
                "cell_id": cell,
                "hour_start": hour,
                "attach_count": 1,
                "first_seen_at": hour + timedelta(minutes=number),
                "last_seen_at": hour + timedelta(minutes=30),
            }
            for cell in rng.sample([*CELLS, ROGUE], 3)
            for number in rng.sample(range(12), rng.randrange(1, 9))
        ]

    def _sim_change(self, dt: date) -> Row:
        return {
            "number_key": _uuid(1, self.rng.randrange(12)),
            "changed_at": self._instant(dt - timedelta(days=self.rng.randrange(2))),
            "channel": "SHOP",
        }

    def _disposition(self, dt: date) -> Row:
        rng = self.rng
        number = rng.randrange(50)
        return {
            "case_id": f"cell-{rng.choice(CELLS)}" if number % 5 == 4 else f"case-M{number}",
            "disposition": rng.choice(["CONFIRMED", "CONFIRMED", "CLEARED", "WATCH"]),
            "decided_at": self._instant(dt),
            "analyst_key": _uuid(3, rng.randrange(2)),
        }

    def _cells(self) -> list[Row]:
        rng = self.rng
        return [
            {
                "cell_id": cell,
                "kind": "FEMTO",
                "region_code": "41210",
                "registered_on": date(2025, 1, 1),
                "deregistered_on": date(2025, 12, 31) if rng.random() < 0.15 else None,
            }
            for cell in CELLS
            if rng.random() < 0.75
        ]


def _differences(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Rows that only the history (kept in schema `lived`) or only the rebuild has, by relation."""
    found = {}
    with warehouse.connect() as con:
        for relation in warehouse.built_relations():
            kept = f"lived.{relation.replace('.', '__')}"
            rows = con.execute(
                f"select 'lived', * from (from {kept} except all from {relation}) "
                f"union all select 'rebuilt', * from (from {relation} except all from {kept})"
            ).fetchall()
            if rows:
                found[relation] = rows
    return found


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse that lived through its deliveries (kept in schema `lived`), then was built again from all of them."""
    warehouse = Warehouse.create(tmp_path_factory.mktemp("dbt"), view="market")
    deliveries = Deliveries(random.Random(SEED))
    days = [FIRST_DAY + timedelta(days=n) for n in range(9)]

    def deliver(*items: tuple[str, date, int, list[Row]]) -> None:
        for feed, dt, rev, rows in items:
            warehouse.deliver(feed, str(dt), rows, rev=rev)

    deliver(*(item for dt in days[:4] for item in deliveries.day(dt) if item[0] != "cell_registry" or dt > days[1]))
    warehouse.build_models()
    # The next morning's run is killed after two of its models and before a third, whose touched relation is built; one
    # more is built without its own. Another day comes in, and the marts are built alone.
    deliver(*deliveries.day(days[4]), deliveries.corrected("portability_events", days[1]))
    deliver(deliveries.corrected("payments", days[2]), deliveries.corrected("subscriptions", days[0]))
    built = ["int_port_latest__touched", "int_port_latest", "int_payment_latest__touched", "int_payment_latest"]
    warehouse.build_models("--select", *built, "int_payment_feature__touched", "int_port_known")
    deliver(*deliveries.day(days[5]), deliveries.corrected("portability_events", days[3]))
    warehouse.build_models("--select", "tag:stage_marts")
    # Corrections only: of registry lists, of one day twice, and an early list that had never come.
    deliver(deliveries.corrected("cell_registry", days[4]), deliveries.corrected("portability_events", days[1]))
    deliver(deliveries.corrected("payment_disputes", days[5]), deliveries.corrected("payments", days[4]))
    deliver(*(item for item in deliveries.day(days[1]) if item[0] == "cell_registry"))
    deliver(deliveries.corrected("cell_attachments", days[2]), deliveries.corrected("sim_changes", days[3]))
    deliver(deliveries.corrected("alert_dispositions", days[4]))
    deliver(deliveries.corrected("termination_fees", days[2]), deliveries.corrected("invoices", days[3]))
    warehouse.build_models()
    with warehouse.connect() as con:
        con.execute("create schema lived")
        con.execute("create table lived.consumed as from pipeline.consumed")
        con.execute(
            "create table lived.leftover as select table_name from information_schema.tables "
            "where table_name like '%\\_\\_dbt\\_%' escape '\\'"
        )
        for relation in warehouse.built_relations():
            con.execute(f"create table lived.{relation.replace('.', '__')} as from {relation}")
    warehouse.dbt("build", "--full-refresh")
    return warehouse


def test_an_incremental_history_equals_a_full_rebuild(history: Warehouse) -> None:
    assert _differences(history) == {}


def test_an_incremental_history_leaves_no_table_of_a_rebuild_behind(history: Warehouse) -> None:
    assert history.query("from lived.leftover") == []


def test_features_are_binned_of_one_payment_in_sixteen(history: Warehouse) -> None:
    told = history.query("select payment_id, first_dt, amount from intermediate.int_payment_feature")
    expected = Counter(
        (first_dt, 90 + round(10 * log(1 + amount)))
        for payment_id, first_dt, amount in told
        if int(md5(f"learn from{payment_id}".encode(), usedforsecurity=False).hexdigest()[:7], 16) < 2**28 / 16
    )
    binned = "select first_dt, bin, payments from intermediate.int_feature_bin where feature = 'amount'"
    assert {(first_dt, level): payments for first_dt, level, payments in history.query(binned)} == expected
    assert expected


def test_the_history_is_worth_comparing(history: Warehouse) -> None:
    relations = history.built_relations()
    with history.connect() as con:
        empty = {name for name in relations if con.execute(f"select count(*) from {name}").fetchall() == [(0,)]}
    # nobody was concerned by a breach of months before, the days end within the waiver, no month is over that could be
    # learnt from or compared with the one before, no line was opened, nobody was called, the regulator has counted
    # nothing, providers have sent no books of their own, frauds are too few to learn from, nobody looks by chance
    assert empty == {
        "churn.incident_aftermath", "fraud.breach_churn", "intermediate.int_breach_hazard",
        "intermediate.int_breach_life", "intermediate.int_breach_follow_up", "intermediate.int_breach_risk_set",
        "churn.call_list", "churn.line_propensity", "churn.market", "churn.offer_effect", "churn.port_reconciliation",
        "intermediate.int_group_count",
        "churn.dealer_early_churn",
        "churn.propensity_calibration", "churn.propensity_quality", "intermediate.int_propensity_cell",
        "intermediate.int_propensity_decile", "intermediate.int_propensity_error",
        "intermediate.int_propensity_model", "intermediate.int_propensity_score", "fraud.score",
        "fraud.challenger_quality", "intermediate.int_challenger_measure", "intermediate.int_challenger_level",
        "intermediate.int_challenger_card", "intermediate.int_challenger_payment", "intermediate.int_alert_score",
        "fraud.audit_quality", "intermediate.int_audit_payment", "intermediate.int_case_audit", "fraud.feature_drift",
        # a dozen numbers: not five frauds at one merchant or dealer
        "intermediate.int_suspicion_merchant", "intermediate.int_contact_merchant",
        "intermediate.int_suspicion_dealer", "intermediate.int_contact_dealer",
    }  # fmt: skip
    reasons = {row[0] for row in history.query("select distinct rule_id from fraud.rule_hit")}
    assert reasons >= {
        "UNREGISTERED_CELL", "EXPOSED_NUMBER", "INCOMPLETE_ARS_CALL", "NUMBER_CHANGED", "FRAUD_AT_MERCHANT",
        "FRAUD_ON_CELL", "CASH_LIKE",
    }  # fmt: skip
    superseded = history.query("select count(*) from raw.revision where not is_current")[0][0]
    vanished = history.query(
        "select count(*) from (select distinct port_id from raw.portability_events__all_revisions "
        "anti join raw.portability_events using (port_id))"
    )[0][0]
    assert superseded > 4
    assert vanished > 0


def test_each_incremental_model_tracks_every_feed_it_is_built_on_and_holds_all_of_it(history: Warehouse) -> None:
    manifest = json.loads((history.target / "manifest.json").read_text("utf-8"))
    graph = Graph(manifest)
    models = [
        node
        for node in graph.nodes.values()
        if manifest["nodes"][node.unique_id]["config"]["materialized"] == "incremental"
    ]
    tracked = {(node.name, feed) for node in models for feed in graph.feeds_of(node)}
    in_force = history.query("select feed, dt, rev from raw.revision where is_current")
    expected = {(model, *delivery) for model, feed in tracked for delivery in in_force if delivery[0] == feed}
    assert len({model for model, *_ in expected}) == len(models)
    assert set(history.query("select model, feed, dt, rev from pipeline.consumed")) == expected
    assert set(history.query("select model, feed, dt, rev from lived.consumed")) == expected


def test_nothing_is_left_to_recompute_when_nothing_has_come(history: Warehouse) -> None:
    assert history.query("select * from pipeline.readable_delivery where is_pending") == []


@pytest.mark.parametrize("relation", ["int_port_reconciled", "int_payment_reconciled", "int_subscription_reconciled"])
def test_each_delivered_row_is_a_fact_or_the_facts_know_better(history: Warehouse, relation: str) -> None:
    for schema in ("lived.intermediate__", "intermediate."):
        ((days, delivered, facts, explained, wrong),) = history.query(
            "select count(*), sum(rows_delivered), sum(rows_in_facts), sum(rows_with_later_state + rows_told_again), "
            f"sum(rows_lost + rows_invented) from {schema}{relation}"
        )
        assert (wrong, delivered - facts) == (0, explained)
        assert days > 5
        assert explained > 0


@pytest.mark.parametrize(
    ("relation", "key"), [("number_habit", ["payment_id"]), ("place_day", ["kind", "place", "dt"])]
)
def test_features_of_a_payment_are_what_was_known_by_its_first_delivery(
    history: Warehouse, relation: str, key: list[str]
) -> None:
    with history.connect() as con:
        known = Known(con)
        rows = known.of_numbers() if relation == "number_habit" else known.of_places()
        expected = pd.DataFrame(rows).set_index(key).sort_index()
        columns = ", ".join([*key, *expected.columns])
        rows = con.execute(f"select {columns} from intermediate.int_{relation}").fetchall()
    said = pd.DataFrame(rows, columns=[*key, *expected.columns]).set_index(key).sort_index()
    pd.testing.assert_frame_equal(said, expected, check_dtype=False)
    assert said["frauds_30d"].nunique() > 1
    first_told = dict(zip(known.payments["payment_id"], known.payments["first_dt"], strict=True))
    told = [label for label in known.labels if label["payment_id"] in first_told]
    assert any(label["known_from"] > first_told[label["payment_id"]].date() for label in told)


def card_precision_top_k(scored: pd.DataFrame, days: Iterable[date], k: int) -> dict[date, float]:
    """Of the Fraud Detection Handbook, chapter 4, after its text: by day, of the k cards with the highest scores.

    A card's score and label of a day are its highest; cards found on an earlier day are not in the ranking any more.
    """
    found: set[str] = set()
    precision = {}
    for day in days:
        cards = scored[scored["occurred_on"] == day].groupby("party")[["score", "is_fraud"]].max()
        first = cards.drop(index=[card for card in found if card in cards.index]).nlargest(k, "score")
        hits = first.index[first["is_fraud"]]
        precision[day] = len(hits) / k
        found |= {*hits}
    return precision


def test_the_quality_of_detection_is_what_scikit_learn_and_the_handbook_say_of_it(history: Warehouse) -> None:
    with history.connect() as con:
        payments = con.sql(
            "select payments.payment_id, occurred_on, date_trunc('month', occurred_on)::date::varchar as month, "
            "amount, coalesce(payments.line_key, payments.number_key)::varchar as party, "
            "coalesce(verdict = 'CONFIRMED_FRAUD', false) as is_fraud, alerts.payment_id is not null as is_alert, "
            "alerts.payment_id is not null and verdict is null as is_undecided "
            "from fraud.fct_payment as payments "
            "left join (select payment_id from fraud.alert) as alerts using (payment_id) "
            "left join fraud.payment_verdict using (payment_id)"
        ).df()
        hits = con.sql(
            "select payment_id, rule_id, sum(points) over (partition by payment_id) as score from fraud.rule_hit"
        ).df()
        said = con.sql("select * replace (month::varchar as month) from fraud.detection_quality where frauds > 0").df()
    compared = 0
    for quality in said.to_dict("records"):
        of_rule = hits if quality["rule_id"] == "ALL" else hits[hits["rule_id"] == quality["rule_id"]]
        score = of_rule.groupby("payment_id")["score"].max()
        everything = payments.assign(score=payments["payment_id"].map(score).fillna(0))
        everything["is_fraud"] = everything.groupby(["party", "occurred_on"])["is_fraud"].transform("max")
        days = sorted(payments["occurred_on"].unique())
        by_day = card_precision_top_k(everything[everything["score"] > 0], days, quality["top_k"])
        of_month = [by_day[day] for day in days if str(day)[:7] == quality["month"][:7]]
        assert quality["card_precision_top_k_pct"] == pytest.approx(100 * sum(of_month) / len(of_month))
        month = payments[payments["month"] == quality["month"]]
        month = month.assign(score=month["payment_id"].map(score).fillna(0))
        month["is_alert"] &= month["score"] > 0
        judged = month[~(month["is_undecided"] & month["is_alert"])]
        assert quality["recall_pct"] == pytest.approx(100 * recall_score(judged["is_fraud"], judged["is_alert"]))
        assert quality["average_precision_pct"] == pytest.approx(
            100 * average_precision_score(judged["is_fraud"], judged["score"])
        )
        caught = recall_score(judged["is_fraud"], judged["is_alert"], sample_weight=judged["amount"])
        assert quality["value_alerted_pct"] == pytest.approx(100 * caught)
        if judged["is_alert"].any():
            compared += 1
            precision = precision_score(judged["is_fraud"], judged["is_alert"])
            assert quality["precision_high_pct"] == pytest.approx(100 * precision)
            assert quality["precision_low_pct"] == pytest.approx(
                100 * precision_score(month["is_fraud"], month["is_alert"])
            )
    assert compared > 2


@pytest.mark.parametrize("relation", plots.fraud.PLOTS)
def test_every_fraud_mart_with_a_plot_shows_one(history: Warehouse, relation: str) -> None:
    warnings: list[str] = []
    with history.connect() as con:
        shown = plots.plot_reader(Settings().site_profile)(con, relation)(warnings.append)
    assert not warnings
    assert "data:image/png;base64," in str(shown["plot"].value)


def test_a_backtest_says_what_other_rules_would_have_alerted_and_touches_nothing(
    history: Warehouse, tmp_path: Path
) -> None:
    settings = history.settings
    before = history.path.read_bytes()
    changes = tmp_path / "changes.csv"
    changes.write_text("rule_id,points,alert_threshold\n,,60\nCASH_LIKE,0,\n", "utf-8")
    tried = backtest(settings, changes)
    assert history.path.read_bytes() == before
    assert list(settings.scratch_dir.iterdir()) == []
    alerts, cash_like = "select payment_id from fraud.alert", "where rule_id <> 'CASH_LIKE'"
    changed = f"select payment_id from fraud.rule_hit {cash_like} group by all having sum(points) >= 60"
    assert tried.in_force.alerts == history.query(f"select count(*) from ({alerts})")[0][0]
    assert tried.changed.alerts == history.query(f"select count(*) from ({changed})")[0][0]
    assert sum(tried.gained.values()) == history.query(f"select count(*) from ({changed} except {alerts})")[0][0] > 0
    assert sum(tried.lost.values()) == history.query(f"select count(*) from ({alerts} except {changed})")[0][0]
    [(recall, low, undecided)] = history.query(
        "select 100 * sum(alerts_confirmed) / sum(frauds), 100 * sum(alerts_confirmed) / sum(alerts), "
        "sum(alerts_undecided) from fraud.detection_quality where rule_id = 'ALL'"
    )
    assert (tried.in_force.recall_pct, tried.in_force.precision_low_pct) == pytest.approx((recall, low))
    assert tried.in_force.undecided == undecided
    newly_undecided = tried.gained.get("UNDECIDED", 0) - tried.lost.get("UNDECIDED", 0)
    assert tried.changed.undecided - undecided == newly_undecided
    assert tried.changed.precision_low_pct is not None
    assert 0 < tried.changed.precision_low_pct <= (tried.changed.precision_high_pct or 100)


def test_a_backtest_of_a_rule_that_is_not_there_says_which_are(history: Warehouse, tmp_path: Path) -> None:
    changes = tmp_path / "changes.csv"
    changes.write_text("rule_id,points\nFULL_MOON,5\n", "utf-8")
    with pytest.raises(ChangesError, match=r"line 2: there is no rule 'FULL_MOON'; known are .*CASH_LIKE"):
        backtest(history.settings, changes)
    changes.write_text("rule_id,points\nCROWD,many\n", "utf-8")
    with pytest.raises(ChangesError, match=r"changes\.csv, line 2, points: 'many' is not an integer"):
        backtest(history.settings, changes)
    changes.write_text('rule_id,points,parameters\nCROWD,5,\nCROWD,,"{""min_number"": 5}"\n', "utf-8")
    with pytest.raises(ChangesError, match=r"changes\.csv, line 3, parameters: .*did you mean 'min_numbers'"):
        backtest(history.settings, changes)


FLAGGED = {
    "fraud.fraud_daily": ("payments", "payers", "alerts", "alert_payers", "confirmed", "confirmed_payers",
        "alert_attempted_amount", "confirmed_attempted_amount"),
    "fraud.fraud_hourly": ("payments", "payers", "alerts", "alert_payers", "confirmed", "confirmed_payers"),
    "fraud.alert": ("*", "amount"),
    "fraud.suspected_line": ("*", "micropayment_payments", "micropayment_attempted_amount"),
    "fraud.victim": ("*", "micropayment_payments", "dcb_payments", "dcb_attempted_amount"),
}  # fmt: skip


def test_what_is_suspected_and_what_is_confirmed_can_be_counted_again_payment_by_payment(
    history: Warehouse, tmp_path: Path
) -> None:
    graph = Graph(json.loads((history.target / "manifest.json").read_text("utf-8")))
    found = {}
    with duckdb.connect() as con:
        con.execute("set timezone = 'Asia/Seoul'")
        for door in ("open", "restricted", history.path.stem):  # all of it behind either door; views name the last
            shutil.copy(history.path, tmp_path / f"{door}.duckdb")
            con.execute(f"attach '{tmp_path / door}.duckdb' as {door} (read_only)")
        for relation, columns in FLAGGED.items():
            for column in columns:
                figure = figure_of(graph, relation if column == "*" else f"{relation}.{column}", None)
                basis = basis_of(graph, figure)
                assert basis is not None
                value = read(con, figure, adds_up=True).value
                assert recount(con, basis, "restricted") == value, figure
                found[relation, column] = value
    assert {relation for (relation, _), value in found.items() if value} == FLAGGED.keys()


def test_the_models_unit_tests_and_data_tests_pass(history: Warehouse) -> None:
    outcomes: dict[str, set[str]] = defaultdict(set)
    for result in json.loads((history.target / "run_results.json").read_text("utf-8"))["results"]:
        outcomes[result["unique_id"].split(".")[0]].add(result["status"])
    assert outcomes["unit_test"] == {"pass"}
    assert outcomes["test"] == {"pass"}


def test_a_fact_that_was_lost_and_one_that_was_made_up_are_counted(history: Warehouse) -> None:
    with history.connect() as con:
        con.execute("create table kept as from intermediate.int_payment_latest")
        ((lost,),) = con.execute(
            "delete from intermediate.int_payment_latest where payment_id = "
            "(select min(payment_id) from intermediate.int_payment_latest) returning state_dt"
        ).fetchall()
        con.execute(
            "insert into intermediate.int_payment_latest (payment_id, event_seq, state_dt, amount) "
            "values ('X', 1, $1, 1)",
            [lost],
        )
    try:
        history.dbt("run", "--full-refresh", "--select", "int_payment_reconciled")
        wrong = history.query(
            "select dt, rows_lost > 0, rows_invented from intermediate.int_payment_reconciled "
            "where rows_lost > 0 or rows_invented > 0"
        )
        assert (lost, True, 1) in wrong
    finally:
        with history.connect() as con:
            con.execute("delete from intermediate.int_payment_latest")
            con.execute("insert into intermediate.int_payment_latest from kept")
            con.execute("drop table kept")
