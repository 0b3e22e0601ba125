"""Scores learnt and given morning by morning are those of one run over all of it, by models that were really learnt."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.dbt_warehouse import Warehouse

SEED = 20250915
FIRST_DAY = date(2025, 8, 25)  # a Monday
DAYS, AT_ONCE, A_DAY, AUDITED = 24, 13, 160, 2
Row = dict[str, Any]


def _deliveries(rng: random.Random) -> dict[date, dict[str, list[Row]]]:
    """Rows by day and feed: frauds are large, by night, at two merchants, and confirmed within days."""
    told: dict[date, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for n in range(DAYS * A_DAY):
        day = FIRST_DAY + timedelta(days=n // A_DAY)
        is_fraud = rng.random() < 0.1
        hour = rng.randrange(5) if is_fraud and rng.random() < 0.7 else rng.randrange(24)
        at = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour, minutes=rng.randrange(60))
        told[day]["payments"].append({
            "payment_id": f"P{n:06}", "event_seq": 1, "number_key": str(UUID(int=1 << 64 | rng.randrange(900))),
            "product": "DCB", "merchant_id": f"M{rng.randrange(2 if is_fraud else 20)}", "merchant_category": "GAME",
            "amount": 1000 * rng.randrange(200 if is_fraud else 1, 500), "auth_method": "SMS",
            "monthly_limit": 1_000_000, "status": "SUCCEEDED", "occurred_at": at,
        })  # fmt: skip
        if is_fraud:
            told[day + timedelta(days=1 + rng.randrange(3))]["payment_disputes"].append({
                "dispute_id": f"D{n}", "event_seq": 1, "payment_id": f"P{n:06}", "status": "CONFIRMED_FRAUD",
                "refunded_amount": 0, "occurred_at": at + timedelta(days=1),
            })  # fmt: skip
    return told


def _rows(warehouse: Warehouse, relation: str, key: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Rows by their key (so many first columns), figures to nine digits."""
    width = key.count(",") + 1
    rows = warehouse.query(f"select {key}, * from {relation}")
    return {
        row[:width]: tuple(float(f"{value:.9g}") if isinstance(value, float) else value for value in row[width:])
        for row in rows
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site that lets rules and score alert, and looks at two payments a morning by chance."""
    site = tmp_path / "site"
    (site / "reference").mkdir(parents=True)
    (site / "site.toml").write_text('alert_by = "either"\n', "utf-8")
    (site / "reference" / "desks.csv").write_text(f"desk,audited_per_day\nFRAUD,{AUDITED}\n", "utf-8")
    return site


def test_scores_day_by_day_are_those_of_one_run_and_what_they_alert_is_in_the_queue(tmp_path: Path, site: Path) -> None:
    told = _deliveries(random.Random(SEED))
    warehouse = Warehouse.create(tmp_path, view="market", site=site)
    wanted = ("--select", "+case", "+audit_quality", "+challenger_quality")
    days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
    for number, day in enumerate(days):
        for feed, rows in told[day].items():
            warehouse.deliver(feed, str(day), rows)
        if number >= AT_ONCE:
            warehouse.build_models(*wanted)
    keys = {
        "fraud.score": "payment_id", "intermediate.int_score_model": "trained_for, feature",
        "intermediate.int_alert": "payment_id", "intermediate.int_audit_payment": "payment_id",
    }  # fmt: skip
    lived = {relation: _rows(warehouse, relation, key) for relation, key in keys.items()}
    warehouse.build_models("--full-refresh", *wanted)

    assert {relation: _rows(warehouse, relation, key) for relation, key in keys.items()} == lived
    # what was learnt, and mornings on which it scored and alerted
    weeks = "select count(distinct trained_for) from intermediate.int_score_model where coefficient is not null"
    assert warehouse.query(weeks)[0][0] >= 2
    assert {first_dt for _, first_dt, *_ in lived["fraud.score"].values()} >= {*days[AT_ONCE + 1 :]}
    by = dict(warehouse.query("select alerted_by, count(*) from fraud.alert group by all"))
    assert by["SCORE"] > 20
    assert warehouse.query(
        "select count(*) from fraud.alert where case_id not in (select case_id from fraud.case)"
    ) == [(0,)]
    # of a morning's payments that nothing suspected then, two are drawn, and stand first in the queue on that morning
    drawn = warehouse.query("select drawn_dt, count(*) from intermediate.int_audit_payment group by 1 order by 1")
    assert drawn == [(day, AUDITED) for day in days]
    first = "select subject_kind, opened_on from fraud.case where queue_position <= 2"
    assert warehouse.query(first) == [("AUDIT", days[-1] + timedelta(days=1))] * AUDITED
