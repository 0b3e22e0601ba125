"""What was known then: the same figure, as a run on an earlier day would have published it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

from orchestration.reporting.headline import read_headline
from tests.support.world import World

HEADER = (
    "port_id,event_seq,msisdn,donor_provider,donor_network,recipient_provider,recipient_network,line_type,status,"
    "reject_code,requested_at,status_at,processed_on"
)
INCIDENT = "KT_WAIVER_2026"


def deliver(landing: Path, dt: str, delivered_at: str, ports: list[tuple[str, str, str]]) -> None:
    """One delivery of completed ports out of KT: port, recipient, processed_on."""
    folder = landing / "portability_events" / f"dt={dt}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{port},1,010-2000-{port[1:]:0>4},KT,KT,{to},{to},HANDSET,COMPLETED,,{day} 09:00:00,{day} 10:00:00,{day}"
        for port, to, day in ports
    ]
    (folder / "ports.csv").write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    (folder / "_manifest.json").write_text(json.dumps({"delivered_at": delivered_at}), "utf-8")


def test_late_and_corrected_deliveries_count_on_their_own_day_and_only_once_they_are_known(
    tmp_path: Path, new_world: Callable[..., World]
) -> None:
    landing = tmp_path / "landing"
    world = new_world(landing=landing)
    first, second = "2026-01-02", "2026-01-03"
    deliver(landing, first, "2026-01-03T06:00:00+09:00", [("P1", "SKT", first), ("P2", "SKT", first)])
    deliver(landing, second, "2026-01-04T06:00:00+09:00", [("P3", "LGU", second), ("P4", "SKT", first)])
    world.run(date(2026, 1, 2), date(2026, 1, 3))
    as_published_then = read_headline(world.settings, INCIDENT)
    assert as_published_then.port_outs_cumulative == 4

    # two days later the first day comes again: one port is gone, one is new
    deliver(
        landing, first, "2026-01-06T06:00:00+09:00", [("P1", "LGU", first), ("P5", "LGU", first), ("P6", "LGU", first)]
    )
    world.run(date(2026, 1, 2), date(2026, 1, 3))

    now = read_headline(world.settings, INCIDENT)
    assert now.port_outs_cumulative == 5
    assert {entry.group: entry.port_outs_cumulative for entry in now.destinations}["SKT"] == 1
    assert read_headline(world.settings, INCIDENT, as_of=date(2026, 1, 2)).port_outs_cumulative == 4
    assert read_headline(world.settings, INCIDENT, known_on=date(2026, 1, 5)) == as_published_then
    on_the_third = read_headline(world.settings, INCIDENT, known_on=date(2026, 1, 3))
    assert (on_the_third.as_of_date, on_the_third.port_outs_cumulative) == (date(2026, 1, 2), 2)
