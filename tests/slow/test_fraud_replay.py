"""History replayed day by day gives the same alerts, first alerted on the same days, as one run over all of it."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.dbt_warehouse import Warehouse

SEED = 20250821
FIRST_DAY = date(2025, 8, 18)
DAYS = 7
ALERTS = ("--select", "+int_alert")
Row = dict[str, Any]


def _number(i: int) -> str:
    return str(UUID(int=1 << 64 | i))


def _deliveries(rng: random.Random) -> dict[date, dict[str, list[Row]]]:
    """Rows by day and feed. Much of what makes a payment suspect is told a day or two late."""
    told: dict[date, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for n in range(DAYS):
        day = FIRST_DAY + timedelta(days=n)
        for _ in range(14):
            _pay(rng, told, day)
        for number in rng.sample(range(10), 3):
            hour = datetime.combine(day, datetime.min.time()) + timedelta(hours=rng.randrange(8))
            told[day + timedelta(days=rng.randrange(3))]["cell_attachments"].append(
                {
                    "number_key": _number(number), "cell_id": "ROGUE", "hour_start": hour, "attach_count": 1,
                    "first_seen_at": hour, "last_seen_at": hour + timedelta(minutes=5),
                }
            )  # fmt: skip
        told[day + timedelta(days=rng.randrange(2))]["sim_changes"].append(
            {"number_key": _number(rng.randrange(10)), "changed_at": _instant(rng, day), "channel": "SHOP"}
        )
        # the cell of the day is put on the list a day after it began to serve
        told[day]["cell_registry"] = [
            {"cell_id": cell, "kind": "FEMTO", "region_code": "41210", "registered_on": FIRST_DAY}
            for cell in ["HOME", *(f"LATE-{k}" for k in range(n))]
        ]
    return told


def _instant(rng: random.Random, day: date) -> datetime:
    return datetime.combine(day, datetime.min.time()) + timedelta(minutes=rng.randrange(24 * 60))


def _pay(rng: random.Random, told: dict[date, dict[str, list[Row]]], day: date) -> None:
    """A payment of `day`; its outcome, cell and call log may come with the next day, a verdict later still."""
    late, at = timedelta(days=rng.randrange(2)), _instant(rng, day)
    payment: Row = {
        "payment_id": f"P{rng.randrange(10**9)}", "event_seq": 1, "number_key": _number(rng.randrange(10)),
        "product": "MICROPAYMENT", "merchant_id": f"M{rng.randrange(3)}",
        "merchant_category": rng.choice(["GIFT_CERTIFICATE", "GAME"]), "amount": rng.randrange(1, 99) * 10_000,
        "auth_method": rng.choice(["ARS", "SMS"]), "monthly_limit": 1_000_000, "status": "PENDING", "occurred_at": at,
    }  # fmt: skip
    cell = rng.choice(["HOME", "ROGUE", f"LATE-{(day - FIRST_DAY).days}"])
    told[day]["payments"].append(payment)
    told[day + late]["payments"].append(
        payment | {
            "event_seq": 2, "status": rng.choice(["SUCCEEDED", "SUCCEEDED", "DENIED"]), "cell_id": cell,
            "is_ars_call_complete": rng.random() < 0.5 if payment["auth_method"] == "ARS" else None,
            "occurred_at": at + timedelta(minutes=1),
        }
    )  # fmt: skip
    if cell == "ROGUE" and rng.random() < 0.4:
        told[day + timedelta(days=2)]["payment_disputes"].append(
            {
                "dispute_id": payment["payment_id"], "event_seq": 1, "payment_id": payment["payment_id"],
                "status": "CONFIRMED_FRAUD", "refunded_amount": 0, "occurred_at": at + timedelta(days=2),
            }
        )  # fmt: skip


def _alerts(warehouse: Warehouse) -> dict[str, tuple[Any, ...]]:
    rows = warehouse.query("select payment_id, first_alerted_dt, score, reasons, case_id from intermediate.int_alert")
    return {payment_id: tuple(rest) for payment_id, *rest in rows}


def _rules(reasons: str) -> set[str]:
    return {reason.split()[0] for reason in reasons.split(", ")}


def test_a_replayed_history_gives_the_same_alerts_on_the_same_days(tmp_path: Path) -> None:
    told = _deliveries(random.Random(SEED))
    replayed = Warehouse.create(tmp_path / "replayed", view="market")
    seen: list[tuple[date, dict[str, tuple[Any, ...]]]] = []
    for day in [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]:
        for feed, rows in told[day].items():
            replayed.deliver(feed, str(day), rows)
        replayed.build_models(*ALERTS)
        seen.append((day, _alerts(replayed)))

    replayed.build_models("--full-refresh", *ALERTS)
    at_once = _alerts(replayed)

    assert seen[-1][1] == at_once
    by_day = dict(seen)
    for payment_id, (first_alerted_dt, _, reasons, _) in at_once.items():
        assert by_day[first_alerted_dt][payment_id][0] == first_alerted_dt
        # whoever was suspected even earlier was so for a reason that has been cleared since
        for day, alerts in seen:
            if day < first_alerted_dt and payment_id in alerts:
                assert _rules(alerts[payment_id][2]) - _rules(reasons), payment_id
    occurred = dict(replayed.query("select payment_id, first_dt from intermediate.int_payment_feature"))
    assert any(alert[0] > occurred[payment_id] for payment_id, alert in at_once.items())
    assert any(set(before) - set(after) for (_, before), (_, after) in itertools.pairwise(seen))


def test_a_change_that_a_closed_gate_held_back_counts_once_the_gate_opens(tmp_path: Path) -> None:
    warehouse = Warehouse.create(tmp_path)
    suspect = {
        "event_seq": 1, "number_key": _number(1), "product": "MICROPAYMENT", "merchant_id": "M",
        "merchant_category": "GIFT_CERTIFICATE", "amount": 990_000, "auth_method": "ARS", "is_ars_call_complete": False,
        "monthly_limit": 1_000_000, "status": "SUCCEEDED",
    }  # fmt: skip
    port = {
        "port_id": "P", "event_seq": 1, "number_key": _number(1), "donor_network": "SKT", "recipient_network": "KT",
        "status": "COMPLETED", "status_at": datetime.combine(FIRST_DAY, datetime.min.time()),
    }  # fmt: skip
    for n, ports in enumerate([[], [port]]):
        day = FIRST_DAY + timedelta(days=n)
        warehouse.deliver("portability_events", str(day), ports)
        at = datetime.combine(day, datetime.min.time()) + timedelta(hours=3)
        warehouse.deliver("payments", str(day), [suspect | {"payment_id": f"P{n}", "occurred_at": at}])
        # the gate of the second day's ports is closed
        warehouse.build_models("--select", "+rule_hit", *(["--exclude", "int_number_change"] if n else []))
    changed = "select payment_id from fraud.rule_hit where rule_id = 'NUMBER_CHANGED'"
    assert warehouse.query("select distinct payment_id from fraud.rule_hit order by 1") == [("P0",), ("P1",)]
    assert warehouse.query(changed) == []

    warehouse.build_models("--select", "+rule_hit")

    assert warehouse.query(f"{changed} order by 1") == [("P0",), ("P1",)]
