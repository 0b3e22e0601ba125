"""What a delivery is compared with: its weekday, and the days just before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.contracts import load_feeds
from orchestration.gates.gate import check_relation
from orchestration.gates.outcome import is_closed
from orchestration.gates.suites import load_suite
from orchestration.ingest.profile import create_delivery_profile
from orchestration.ingest.receipt import FileCount, Receipt

FIRST = date(2025, 10, 13)  # a Monday: no holiday and no incident in the ten weeks from here
WEEK = (1.1, 1, 0.95, 0.95, 0.9, 0.6, 0)  # no port is processed on a Sunday


def _receipt(day: date, rows: float) -> Receipt:
    count = FileCount(name="ports.csv", bytes=1, sha256=str(day), read=round(rows), accepted=round(rows))
    at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC) + timedelta(days=1)
    return Receipt(
        feed="portability_events", dt=day, rev=1, status="ACCEPTED", fingerprint="x", sha256=str(day), contract="x",
        delivered_at=at, ingested_at=at, has_manifest=True, files=[count],
    )  # fmt: skip


@pytest.mark.parametrize("cut_to", [1, 0.7])
def test_a_slow_decline_is_none_and_a_sudden_drop_is_one(tmp_path: Path, cut_to: float) -> None:
    settings = Settings(home=tmp_path)
    days = [FIRST + timedelta(days=number) for number in range(10 * 7 - 1)]
    rows = [16_000 * WEEK[day.weekday()] * 0.991**number for number, day in enumerate(days)]
    rows[-1] *= cut_to  # a Saturday
    with connect(settings) as con:
        receipts = map(_receipt, days, rows)
        profile = create_delivery_profile(con, settings, load_feeds(settings)["portability_events"], receipts)
        typical, recent = con.execute(f"select rows_vs_typical, rows_vs_recent from {profile} order by dt").fetchall()[
            -1
        ]
        outcomes = check_relation(con, load_suite("raw", "portability_events"), relation=profile)
    assert typical == pytest.approx(0.73 * cut_to, abs=0.03)
    assert recent == pytest.approx(cut_to, abs=0.03)
    closing = {outcome.partition for outcome in outcomes if is_closed([outcome])}
    assert closing == (set() if cut_to == 1 else {str(days[-1])})
