"""The whole job for a carrier that is nothing like the default one."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.brazil import BRAZIL, SATURDAY, SUNDAY, drop_extracts
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
