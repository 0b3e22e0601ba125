"""July 2025 was printed as 925,672 ports and later as 956,863: the difference is what later deliveries told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb

from orchestration.base.sql import literal
from orchestration.evidence.comparison import compare_figures
from orchestration.evidence.sides import Place
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.world import World

FIRST_PRINT, RESTATED = 925_672, 956_863
MONTH = "churn.port_flow_daily.ports where processed_on between '2025-07-01' and '2025-07-31'"


def _deliver(world: World, dt: date, first: int, last: int) -> None:
    """Completed ports of July, numbered, in the whole market's delivery for a day."""
    folder = world.settings.landing_dir / f"portability_events/dt={dt}"
    folder.mkdir(parents=True)
    duckdb.execute(
        f"""
        copy (
            select 'P' || i as port_id, 1 as event_seq, '010' || (10000000 + i) as msisdn, 'KT' as donor_provider,
                'KT' as donor_network, 'SKT' as recipient_provider, 'SKT' as recipient_network, 'HANDSET' as line_type,
                'COMPLETED' as status, null::varchar as reject_code, booked_on || ' 10:00:00' as requested_at,
                '{dt} 12:00:00' as status_at, booked_on::varchar as processed_on
            from (select i, date '2025-07-01' + (i % 31)::integer as booked_on from range({first}, {last}) as t(i))
        ) to {literal(str(folder / "day.parquet"))} (format parquet)
        """
    )


def test_a_restated_month_is_explained_by_the_deliveries_that_came_later(new_world: Callable[..., World]) -> None:
    world = new_world(view="market")
    _deliver(world, date(2025, 7, 31), 0, FIRST_PRINT)
    _deliver(world, date(2025, 8, 20), FIRST_PRINT, RESTATED)
    world.run(date(2025, 7, 31), date(2025, 8, 20))
    graph = Graph(dbt.manifest(world.settings))
    then = Place(world.settings, known_on=date(2025, 8, 5))
    found = compare_figures(graph, MONTH, MONTH, then, Place(world.settings))
    assert (found.first_value, found.second_value) == (FIRST_PRINT, RESTATED)
    (part,) = found.parts
    assert (part.name, part.effect) == ("the first leaves out: told by a later delivery", RESTATED - FIRST_PRINT)
    assert found.unexplained == 0
