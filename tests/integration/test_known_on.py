"""What was known then: the same figure, as a run on an earlier day would have published it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from orchestration.reporting.headline import _read, read_headline
from orchestration.warehouse.known_on import built_as_known_on
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


def differing(then: Path, rebuilt: Path) -> dict[str, list[tuple[object, ...]]]:
    """Rows of each churn and fraud mart that only one of two warehouses has."""
    with duckdb.connect() as con:
        for name, path in (("was", then), ("now", rebuilt)):
            con.execute(f"attach '{path}' as {name} (read_only)")
        marts = con.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_catalog = 'was' and table_schema in ('churn', 'fraud') and table_type = 'BASE TABLE'"
        ).fetchall()
        return {
            mart: con.execute(
                f"(from was.{mart} except all from now.{mart}) union all (from now.{mart} except all from was.{mart})"
            ).fetchall()
            for (mart,) in marts
        }


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
    of_the_first = read_headline(world.settings, INCIDENT, as_of=date(2026, 1, 2))
    shutil.copy(world.settings.warehouse, tmp_path / "then.duckdb")

    # two days later the first day comes again: one port is gone, one is new
    deliver(
        landing, first, "2026-01-06T06:00:00+09:00", [("P1", "LGU", first), ("P5", "LGU", first), ("P6", "LGU", first)]
    )
    world.run(date(2026, 1, 2), date(2026, 1, 3))

    now = read_headline(world.settings, INCIDENT)
    assert now.port_outs_cumulative == 5
    assert {entry.group: entry.port_outs_cumulative for entry in now.destinations}["SKT"] == 1
    assert read_headline(world.settings, INCIDENT, as_of=date(2026, 1, 2)).port_outs_cumulative == 4
    with built_as_known_on(world.settings, world.feeds, date(2026, 1, 5), ["tag:stage_marts"]) as rebuilt:
        marts = differing(tmp_path / "then.duckdb", rebuilt)
        assert len(marts) > 25
        assert {name for name, rows in marts.items() if rows} == set()
        assert _read(rebuilt, INCIDENT, None) == as_published_then
        assert _read(rebuilt, INCIDENT, date(2026, 1, 2)) == of_the_first
    on_the_third = read_headline(world.settings, INCIDENT, known_on=date(2026, 1, 3))
    assert (on_the_third.as_of_date, on_the_third.port_outs_cumulative) == (date(2026, 1, 2), 2)
