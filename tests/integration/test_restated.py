"""What a mart says was known on a day is what a warehouse says that holds only what had been delivered by then."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.dbt_warehouse import Warehouse

FIRST_DAY = date(2026, 1, 5)
DAYS = 6
ONE_DAY = timedelta(days=1)
MARTS = ("incident_restatement", "port_restatement", "port_flow_daily", "unregistered_cell_daily")
Row = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """One revision of a feed's day, and the day on whose morning it arrived."""

    feed: str
    dt: date
    rev: int
    delivered_on: date
    rows: tuple[Row, ...]


def _number(i: int) -> str:
    return str(UUID(int=1 << 64 | i))


def deliveries(rng: random.Random) -> list[Delivery]:
    """Days that come up to two days late, and corrections of what the desk and the clearing house had told."""
    told: dict[tuple[str, date], list[Row]] = defaultdict(list)
    payments = 0
    for n in range(DAYS):
        day = FIRST_DAY + n * ONE_DAY
        at = datetime.combine(day, time(9))
        # a cell that serves on its first day is listed on the next
        told["cell_registry", day] = [
            {"cell_id": cell, "kind": "FEMTO", "region_code": "41210", "registered_on": FIRST_DAY}
            for cell in ("HOME", *(f"LATE-{k}" for k in range(n)))
        ]
        for cell in ("HOME", "ROGUE", f"LATE-{n}"):
            for number in rng.sample(range(8), 3):
                told["cell_attachments", day].append(
                    {
                        "number_key": _number(number), "cell_id": cell, "hour_start": at, "attach_count": 1,
                        "first_seen_at": at, "last_seen_at": at + timedelta(minutes=5),
                    }
                )  # fmt: skip
        for _ in range(6):
            payments += 1
            told["payments", day].append(
                {
                    "payment_id": f"M{payments}", "event_seq": 1, "number_key": _number(rng.randrange(8)),
                    "product": rng.choice(["MICROPAYMENT", "DCB"]), "merchant_id": "SHOP",
                    "merchant_category": "GAME", "amount": 1000 * rng.randrange(1, 90), "auth_method": "SMS",
                    "monthly_limit": 1_000_000, "status": "SUCCEEDED", "occurred_at": at,
                    "cell_id": rng.choice(["HOME", "ROGUE", f"LATE-{n}"]),
                }
            )  # fmt: skip
        for _ in range(5):
            payment, decided_at = f"M{rng.randrange(1, 6 * DAYS)}", at + timedelta(minutes=rng.randrange(600))
            told["payment_disputes", day].append(
                {
                    "dispute_id": f"D{day}{payment}", "event_seq": 1, "payment_id": payment, "refunded_amount": 0,
                    "status": rng.choice(["OPENED", "CONFIRMED_FRAUD", "CONFIRMED_FRAUD", "REJECTED"]),
                    "occurred_at": decided_at,
                }
            )  # fmt: skip
            told["alert_dispositions", day].append(
                {
                    "case_id": f"case-M{rng.randrange(1, 6 * DAYS)}", "analyst_key": _number(99),
                    "disposition": rng.choice(["CONFIRMED", "CLEARED", "WATCH"]),
                    "decided_at": decided_at + timedelta(seconds=1 + rng.randrange(50)),
                }
            )  # fmt: skip
        for _ in range(8):
            donor, recipient = rng.sample(["KT", "SKT", "LGU"], 2)
            told["portability_events", day].append(
                {
                    "port_id": f"P{rng.randrange(30)}", "event_seq": rng.randrange(1, 4), "number_key": _number(1),
                    "donor_provider": donor, "donor_network": donor, "recipient_provider": recipient,
                    "recipient_network": recipient, "line_type": "HANDSET", "status": "COMPLETED",
                    "requested_at": at, "status_at": at, "processed_on": day - rng.randrange(2) * ONE_DAY,
                }
            )  # fmt: skip
    found = []
    keys = {"portability_events": ("port_id", "event_seq"), "payment_disputes": ("dispute_id",)}
    for (feed, dt), rows in told.items():
        key = keys.get(feed, tuple(rows[0]))
        unique = tuple({tuple(row[name] for name in key): row for row in rows}.values())
        late = 0 if feed == "cell_registry" else rng.choice([0, 0, 0, 1, 2])
        arrived = dt + (1 + late) * ONE_DAY
        found.append(Delivery(feed, dt, 1, arrived, unique))
        if feed in {"portability_events", "payment_disputes", "alert_dispositions"} and rng.random() < 0.5:
            kept = tuple(row for row in unique if rng.random() < 0.6)
            found.append(Delivery(feed, dt, 2, arrived + rng.randrange(1, 4) * ONE_DAY, kept))
    return sorted(found, key=lambda delivery: (delivery.delivered_on, delivery.feed, delivery.dt))


def built(folder: Path, name: str, told: list[Delivery]) -> Warehouse:
    """A warehouse of these deliveries, and of nothing else."""
    warehouse = Warehouse.create(folder / name, view="market")
    for delivery in told:
        warehouse.deliver(delivery.feed, str(delivery.dt), delivery.rows, rev=delivery.rev)
        with warehouse.connect() as con:
            con.execute(
                "update raw.revision set delivered_at = $4 where feed = $1 and dt = $2 and rev = $3",
                [delivery.feed, delivery.dt, delivery.rev, datetime.combine(delivery.delivered_on, time(5, 40))],
            )
    warehouse.build_models("--select", *(f"+{mart}" for mart in MARTS))
    return warehouse


def known_on_agrees(now: Warehouse, then: Warehouse, known_on: date) -> None:
    """What `now` says of the end of a day is what `then`, which saw no later delivery, says at all."""
    figures = (
        "victims, micropayment_payments, micropayment_amount, dcb_payments, dcb_amount, cells, exposed_numbers "
        "from fraud.incident_restatement"
    )
    restated = now.query(f"select {figures} where known_on = '{known_on}'")
    assert restated == then.query(f"select {figures} order by known_on desc limit 1")
    flows = "select processed_on, donor_group, recipient_group, line_type"
    assert now.query(
        f"{flows}, sum(change) from churn.port_restatement where known_on <= '{known_on}' "
        "group by all having sum(change) > 0 order by all"
    ) == then.query(f"{flows}, ports from churn.port_flow_daily order by all")
    cells = "select cell_id, date_day, first_known_on from fraud.unregistered_cell_daily"
    assert now.query(f"{cells} where first_known_on <= '{known_on}' order by all") == then.query(
        f"{cells} order by all"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("restated")


@pytest.mark.parametrize("seed", [20260105])
def test_what_was_known_on_a_day_is_what_its_deliveries_alone_tell(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    told = deliveries(rng)
    now = built(folder, f"now-{seed}", told)
    known_on = FIRST_DAY + rng.randrange(4, DAYS) * ONE_DAY
    then = built(folder, f"then-{seed}", [one for one in told if one.delivered_on <= known_on])
    known_on_agrees(now, then, known_on)
    assert now.query(
        "select count(distinct victims) > 2, count(distinct cells) > 1 from fraud.incident_restatement"
    ) == [(True, True)]
