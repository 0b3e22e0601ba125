"""A site of ports alone: another operator than the default site's, and what was known of its figures earlier."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.ingest.ingest import ingest
from orchestration.reporting.headline import HeadlineError, read_headline
from orchestration.state.run_report import Exit
from orchestration.state.status import read_status
from tests.support.parsed import know_the_project
from tests.support.world import KEY, World

HEADER = (
    "port_id,event_seq,msisdn,donor_provider,donor_network,recipient_provider,recipient_network,line_type,status,"
    "reject_code,requested_at,status_at,processed_on"
)
FIRST, LAST = date(2025, 7, 5), date(2025, 7, 7)
INCIDENT = "SKT_TEST"


def deliver(landing: Path, dt: date, delivered_on: str, ports: list[tuple[str, str, str, date]]) -> None:
    """One delivery of completed ports: port, donor, recipient, processed_on."""
    folder = landing / "portability_events" / f"dt={dt}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{port},1,010-2000-{port[1:]:0>4},{donor},{donor},{to},{to.split('_')[0]},HANDSET,COMPLETED,,"
        f"{day} 09:00:00,{day} 10:00:00,{day}"
        for port, donor, to, day in ports
    ]
    (folder / "ports.csv").write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    (folder / "_manifest.json").write_text(json.dumps({"delivered_at": f"{delivered_on}T06:00:00+09:00"}), "utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """What the operator published after two days, of which the first came again: a port was gone, three were new."""
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
