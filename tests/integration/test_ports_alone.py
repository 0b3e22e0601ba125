"""A site of ports alone: another operator than the default site's, what was known of its figures earlier, and a closed
gate as the person on call meets it: what it holds back, how to look, how to let it through."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestration import runner
from orchestration.base.settings import Settings
from orchestration.gates.overrides import OverrideError
from orchestration.ingest.ingest import ingest
from orchestration.reporting.failures import read_failures
from orchestration.reporting.headline import HeadlineError, read_headline
from orchestration.reporting.terminal.gates_shown import print_failures
from orchestration.reporting.terminal.status_shown import print_run_report
from orchestration.serving.generations import current_publication
from orchestration.state.run_report import Exit, RunReport
from orchestration.state.status import read_status
from tests.support.parsed import know_the_project
from tests.support.world import KEY, World

HEADER = (
    "port_id,event_seq,msisdn,donor_provider,donor_network,recipient_provider,recipient_network,line_type,status,"
    "reject_code,requested_at,status_at,processed_on"
)
FIRST, LAST = date(2025, 7, 5), date(2025, 7, 7)
INCIDENT = "SKT_TEST"
FAILURE = f"raw/portability_events:quarantine_within_tolerance@{LAST}"


def deliver(
    landing: Path, dt: date, delivered_on: str, ports: list[tuple[str, str, str, date]], broken: int = 0
) -> None:
    """One delivery of completed ports: port, donor, recipient, processed_on; as many as are `broken` have no number."""
    folder = landing / "portability_events" / f"dt={dt}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{port},1,{'call me' if n < broken else f'010-2000-{port[1:]:0>4}'},{donor},{donor},{to},"
        f"{to.split('_')[0]},HANDSET,COMPLETED,,{day} 09:00:00,{day} 10:00:00,{day}"
        for n, (port, donor, to, day) in enumerate(ports)
    ]
    (folder / "ports.csv").write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    (folder / "_manifest.json").write_text(json.dumps({"delivered_at": f"{delivered_on}T06:00:00+09:00"}), "utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """What the operator published after two days, of which the first came again: a port was gone, three were new.

    The last test delivers more.
    """
    folder = tmp_path_factory.mktemp("ports-alone")
    (folder / "site" / "reference").mkdir(parents=True)
    (folder / "site" / "reference" / "incidents.csv").write_text(
        "incident_id,provider_group,kind,starts_on,ends_on,baseline_from,baseline_to,eligibility_from\n"
        f"{INCIDENT},SKT,WAIVER,2025-07-05,2025-07-07,2025-06-01,2025-07-04,2025-04-18\n",
        "utf-8",
    )
    landing = folder / "landing"
    world = World(
        Settings(home=folder / "home", landing=landing, site=folder / "site", view="operator:SKT", pseudonym_key=KEY)
    )
    know_the_project(world.settings)
    deliver(landing, FIRST, "2025-07-06", [("P1", "SKT", "KT", FIRST), ("P2", "SKT", "KT", FIRST)])
    deliver(landing, LAST, "2025-07-08", [("P3", "SKT", "LGU", LAST), ("P4", "SKT", "KT", FIRST)])
    ingest(world.settings, world.feeds["portability_events"], [FIRST, LAST])
    again = [("P1", "LGU"), ("P5", "KT_MVNO"), ("P6", "LGU")]
    came_in = ("P7", "KT", "SKT", FIRST)
    deliver(landing, FIRST, "2025-07-10", [*((port, "SKT", to, FIRST) for port, to in again), came_in])
    world.run(FIRST, LAST)
    return world


def test_another_operator_needs_an_incident_row_a_view_and_its_ports_only(world: World) -> None:
    assert world.report is not None
    assert world.report.exit_code is Exit.PUBLISHED
    headline = read_headline(world.settings, INCIDENT)
    assert (headline.port_outs_cumulative, headline.net_adds_cumulative) == (5, -4)
    assert headline.top_destination == "LGU"
    assert headline.top_share_all_pct == pytest.approx(60)
    assert headline.top_share_mno_pct == pytest.approx(75)
    status = read_status(world.settings, world.feeds)
    assert {feed.feed for feed in status.feeds if not feed.has_arrived} == set(world.feeds) - {"portability_events"}
    with pytest.raises(HeadlineError, match=f"{INCIDENT} from 2025-07-05"):
        read_headline(world.settings, "KT_WAIVER_2026")


def test_late_and_corrected_deliveries_count_on_their_own_day_and_only_once_they_are_known(world: World) -> None:
    def known(known_on: date | None, as_of: date | None = None) -> tuple[date, int, int]:
        told = read_headline(world.settings, INCIDENT, as_of=as_of, known_on=known_on)
        to_kt = {entry.group: entry.port_outs_cumulative for entry in told.destinations}["KT"]
        return told.as_of_date, told.port_outs_cumulative, to_kt

    assert known(None) == (LAST, 5, 1)
    assert known(None, as_of=FIRST) == (FIRST, 4, 1)
    assert known(date(2025, 7, 9)) == (LAST, 4, 3)
    assert known(date(2025, 7, 7)) == (FIRST, 2, 2)


def test_a_failure_is_let_through_deliberately_and_on_record(world: World) -> None:
    ports = [(f"P{10 + i}", "SKT", "KT", LAST) for i in range(40)]
    deliver(world.settings.landing_dir, LAST, "2025-07-12", ports, broken=20)

    report = _run(world)
    assert report.exit_code is Exit.HELD_BACK
    text = _printed(lambda console: print_run_report(console, world.settings, world.feeds, report))
    assert f"quarantine_within_tolerance on {LAST}" in text
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


def test_how_a_run_ended_does_not_depend_on_whether_it_could_be_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_order(*_: object) -> None:
        raise OSError("the mail server is out of order")

    monkeypatch.setattr(runner, "announce", out_of_order)
    report = _run(world)
    assert (report.exit_code, report.errors) == (Exit.PUBLISHED, ["not told: the mail server is out of order"])


def _run(world: World, *accept: str, reason: str | None = None) -> RunReport:
    quiet = lambda step, message, has_ended: None  # noqa: E731
    return runner.run(world.settings, world.feeds, FIRST, LAST, quiet, accept=accept, reason=reason)


def _printed(write: Callable[[Console], None]) -> str:
    text = StringIO()
    write(Console(file=text, width=200, highlight=False))
    return text.getvalue()
