"""A regulator's run over simulated extracts: every port whose books were made to differ is found, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from orchestration.simulator import simulate
from tests.support.world import World

FIRST, LAST = date(2026, 1, 2), date(2026, 1, 6)
AGREEMENT = {"NOT_IN_BOOKS": "ONE_SIDED", "ANOTHER_STATE": "DIFFERENT_STATE", "ANOTHER_DAY": "DIFFERENT_DAY"}


def test_books_that_differ_are_found_and_no_others(new_world: Callable[..., World], tmp_path: Path) -> None:
    site, truth = tmp_path / "site", tmp_path / "truth"
    site.mkdir()
    (site / "site.toml").write_text('view = "market"\nabsent = []\n', "utf-8")
    world = new_world(site=site, landing=tmp_path / "landing")
    simulate(
        world.settings.landing_dir, first_day=FIRST, last_day=LAST, history_from=date(2025, 12, 20), panel=0.0005,
        feeds=("portability_events", "provider_port_records", "subscriptions"), truth=truth,
    )  # fmt: skip
    report = world.run(FIRST, LAST)
    assert report.publication is not None, report
    assert "churn.port_reconciliation" not in report.publication.held_back

    found = dict(world.query("select port_id, agreement from churn.port_reconciliation", "cases.duckdb"))
    completed = {
        port
        for (port,) in world.query(
            "select port_id from churn.port_reconciliation where clearing_house_status in ('COMPLETED', 'WITHDRAWN')",
            "cases.duckdb",
        )
    }
    planted: dict[str, set[str]] = {}
    for port, difference in duckdb.sql(
        f"select port_id, difference from '{truth}/port_record_difference.parquet'"
    ).fetchall():
        planted.setdefault(port, set()).add(difference)

    def expected(port: str) -> str:
        if port.startswith("X"):
            return "ONE_SIDED"
        for difference, agreement in AGREEMENT.items():
            if difference in planted.get(port, ()) and (difference == "NOT_IN_BOOKS" or port in completed):
                return agreement
        return "MATCHED"

    assert len(found) > 50_000
    assert set(found.values()) == {"MATCHED", *AGREEMENT.values()}
    assert {port: (said, expected(port)) for port, said in found.items() if said != expected(port)} == {}

    page = re.sub(r"<[^>]+>|\s+", " ", (world.settings.reports_dir / "reconciliation.html").read_text("utf-8"))
    [(ports,)] = world.query(
        "select count(*) from churn.port_reconciliation where donor_provider = 'KT' and is_donor_reporting",
        "cases.duckdb",
    )
    assert f"KT donor {ports:,} " in re.sub(r" +", " ", page)
