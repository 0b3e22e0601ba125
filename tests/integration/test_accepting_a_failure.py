"""A closed gate as the person on call meets it: what it holds back, how to look, how to let it through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestration import runner
from orchestration.base.refusal import UnknownNameError
from orchestration.gates.overrides import OverrideError
from orchestration.reporting.failures import read_failures
from orchestration.reporting.terminal.gates_shown import print_failures
from orchestration.reporting.terminal.status_shown import print_run_report
from orchestration.serving.generations import current_publication
from orchestration.state.run_report import Exit, RunReport
from tests.support.world import World

FIRST, LAST = date(2026, 1, 2), date(2026, 1, 3)
FAILURE = "raw/portability_events:quarantine_within_tolerance@2026-01-03"
HEADER = (
    "port_id,event_seq,msisdn,donor_provider,donor_network,recipient_provider,recipient_network,line_type,"
    "status,reject_code,requested_at,status_at,processed_on\n"
)


def _deliver(landing: Path, day: date, *, broken: int) -> None:
    folder = landing / "portability_events" / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"P{day:%d}{i},1,{'call me' if i < broken else f'010-1234-{day:%d}{i:02}'},KT,KT,SKT,SKT,HANDSET,COMPLETED,,"
        f"{day} 10:00:00,{day} 11:00:00,{day}\n"
        for i in range(40)
    ]
    (folder / "ports.csv").write_text(HEADER + "".join(rows), "utf-8")


def _run(world: World, *accept: str, reason: str | None = None) -> RunReport:
    quiet = lambda step, message, has_ended: None  # noqa: E731
    return runner.run(world.settings, world.feeds, FIRST, LAST, quiet, accept=accept, reason=reason)


def test_a_failure_is_let_through_deliberately_and_on_record(tmp_path: Path, new_world: Callable[..., World]) -> None:
    landing = tmp_path / "landing"
    _deliver(landing, FIRST, broken=0)
    _deliver(landing, LAST, broken=20)
    world = new_world(landing=landing)

    report = _run(world)
    assert report.exit_code is Exit.HELD_BACK
    text = _printed(lambda console: print_run_report(console, world.settings, world.feeds, report))
    assert "quarantine_within_tolerance on 2026-01-03" in text
    assert "ringfence gates show raw/portability_events:quarantine_within_tolerance" in text
    assert "--accept raw/portability_events:quarantine_within_tolerance --reason" in text

    failures = read_failures(world.settings, world.feeds, FAILURE, 5)
    assert [row["rows_quarantined"] for failure in failures for row in failure.rows] == [20]
    assert "50.0" in _printed(lambda console: print_failures(console, FAILURE, failures))

    with pytest.raises(OverrideError):
        _run(world, "raw/portability_events:on_time", reason="no such failure")

    accepted = _run(world, FAILURE, reason="The clearing house confirmed them")
    assert accepted.exit_code is Exit.PUBLISHED
    published = current_publication(world.settings)
    assert published is not None
    assert published.rests_on_accepted["churn.incident_headline"] == [FAILURE]
    assert "fraud.payment_daily" not in published.rests_on_accepted
    assert world.query(
        "select distinct accepted_reason from ops.gate_result where accepted_by is not null and not passed"
    ) == [("The clearing house confirmed them",)]
    assert ("churn.incident_headline", FAILURE) in world.query(
        "select relation, rests_on_accepted from ops.publication where rests_on_accepted is not null"
    )
    assert _run(world).was_up_to_date


def test_rows_that_a_model_got_wrong_are_listed_from_the_warehouse(published_world: World) -> None:
    settings = published_world.settings
    with pytest.raises(UnknownNameError, match="'staging/nowhere'"):
        read_failures(settings, published_world.feeds, "staging/nowhere", 5)
    for relation in ("int_port_latest", "int_subscription_interval"):
        for failure in read_failures(settings, published_world.feeds, f"staging/{relation}", 3):
            assert len(failure.rows) == min(3, failure.said.failed)


def _printed(write: Callable[[Console], None]) -> str:
    text = StringIO()
    write(Console(file=text, width=200, highlight=False))
    return text.getvalue()
