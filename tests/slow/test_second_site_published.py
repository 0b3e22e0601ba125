"""The whole job for a carrier that is nothing like the default one."""

from __future__ import annotations

from collections.abc import Callable

from orchestration.state.status import read_status
from tests.support import india
from tests.support.brazil import BRAZIL, SATURDAY, SUNDAY, drop_extracts
from tests.support.india import INDIA, MONDAY, TUESDAY
from tests.support.world import World


def test_a_market_that_processes_on_sundays_is_published(new_world: Callable[..., World]) -> None:
    world = new_world(site=BRAZIL, view="market")
    drop_extracts(world.settings.landing_dir)

    report = world.run(SATURDAY, SUNDAY)

    assert report.publication is not None, report
    flows = world.query(
        "select processed_on::varchar, donor_group, recipient_group, ports::integer from churn.port_flow_daily "
        "where ports > 0 order by all"
    )
    assert flows == [
        ("2026-01-03", "CLARO", "VIVO", 30), ("2026-01-04", "CLARO", "TIM", 12), ("2026-01-04", "VIVO", "CLARO", 5)
    ]  # fmt: skip
    headline = world.query(
        "select port_outs_cumulative::integer, top_destination from churn.incident_headline "
        "where incident_id = 'CLARO_WAIVER_2026' and as_of_date = '2026-01-04'"
    )
    assert headline == [(42, "VIVO")]
    assert world.query("select incident_id from core.dim_incident") == [("CLARO_WAIVER_2026",)]


def test_an_operator_of_a_site_that_stands_alone_has_its_headline_and_misses_no_feed(
    new_world: Callable[..., World],
) -> None:
    world = new_world(site=INDIA)
    india.drop_extracts(world.settings.landing_dir)

    report = world.run(MONDAY, TUESDAY)

    assert report.publication is not None, report
    assert not report.publication.held_back
    headline = world.query(
        "select port_outs_cumulative::integer, net_adds_cumulative::integer, top_destination from "
        "churn.incident_headline where incident_id = 'NEEL_WAIVER_2026' and as_of_date = '2026-02-03'"
    )
    assert headline == [(18, -16, "LAAL")]
    holidays = world.query("select count(*) from core.dim_date where is_holiday and date_day <> '2026-01-26'")
    assert holidays == [(0,)]
    absent = {feed.feed for feed in read_status(world.settings, world.feeds).feeds if feed.is_absent}
    assert absent == set(world.feeds) - {"portability_events", "payments"}
