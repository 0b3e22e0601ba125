"""Every mart of churn and fraud as known on a day is what a run publishes that has nothing but what was in by then."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from orchestration.ingest.receipt import read_receipts
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.known_on import built_as_known_on
from orchestration.warehouse.nodes import Node
from tests.support.world import FIRST, LAST, World

SCHEMAS = ("churn", "fraud")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", (1, 2))
def test_what_was_known_on_a_day_is_what_a_run_of_its_deliveries_alone_has_published(
    published_world: World, new_world: Callable[..., World], tmp_path: Path, seed: int
) -> None:
    now = published_world.settings
    known_on = FIRST + timedelta(days=random.Random(seed).randint(6, (LAST - FIRST).days - 1))
    landing = tmp_path / "landing"
    for receipt in read_receipts(now.raw_dir):
        if receipt.delivered_at.astimezone(ZoneInfo(now.time_zone)).date() <= known_on:
            folder = landing / receipt.feed / f"dt={receipt.dt}"
            folder.parent.mkdir(parents=True, exist_ok=True)
            if not folder.exists():
                folder.symlink_to(now.landing_dir / receipt.feed / folder.name)
    then = new_world(landing=landing)
    then.run(FIRST, known_on - timedelta(days=1))

    marts = [node for node in Graph(dbt.manifest(now)).published() if node.schema in SCHEMAS]
    file = then.settings.serving_dir / "current" / "cases.duckdb"
    with built_as_known_on(now, published_world.feeds, known_on, [mart.name for mart in marts]) as con:
        con.execute(f"attach '{file}' as exact (read_only)")
        con.execute(f"attach '{file.with_name('marts.duckdb')}' as open (read_only)")
        differing = [mart.relation for mart in marts if _differ(con, mart)]
    assert differing == []


def _differ(con: duckdb.DuckDBPyConnection, mart: Node) -> int:
    """Rows that only one has, floating-point values as `float`; of a relation with two doors, the whole one."""
    door = "exact" if "restricted" in mart.tags or mart.small_groups else "open"
    columns = ", ".join(
        f"{column.name}::float as {column.name}" if column.data_type == "double" else column.name
        for column in mart.columns
    )
    known, published = (f"select {columns} from {database}{mart.relation}" for database in ("", f"{door}."))
    [(differing,)] = con.execute(
        f"select count(*) from (({known} except all {published}) union all ({published} except all {known}))"
    ).fetchall()
    return int(differing)
