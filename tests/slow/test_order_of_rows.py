"""What is built does not depend on the order in which rows lie in files, nor on how many threads read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.base.sql import exact, literal
from orchestration.warehouse import dbt, dbt_session
from tests.support.compared import differing, relations
from tests.support.killed_runs import do_step
from tests.support.world import World


@pytest.fixture
def one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB has one thread where dbt has it build models, and as many as there are cores elsewhere."""
    profile = (dbt.DBT_PROJECT / "profiles.yml").read_text("utf-8")
    options = "config_options:\n"
    assert profile.count(options) == 1
    (tmp_path / "profiles.yml").write_text(profile.replace(options, f"{options}        threads: 1\n"), "utf-8")
    environment = dbt.environment
    monkeypatch.setattr(
        dbt, "environment", lambda settings: environment(settings) | {"DBT_PROFILES_DIR": str(tmp_path)}
    )


@pytest.mark.usefixtures("one_thread")
def test_the_same_rows_in_another_order_and_by_one_thread_build_the_same_relations(
    published_world: World, copy_of: Callable[..., World]
) -> None:
    world = copy_of(published_world)
    files = sorted(world.settings.raw_dir.glob("*/dt=*/rev=*/*.parquet"))
    assert len(files) > 100
    with duckdb.connect() as con:
        for path in files:
            shuffled = path.with_suffix(".shuffled")
            con.execute(
                f"copy (select rows.* from read_parquet({literal(exact(path))}, hive_partitioning = false) as rows "
                f"order by hash(rows, 'another order')) to {literal(str(shuffled))} (format parquet)"
            )
            shuffled.replace(path)
    world.settings.warehouse.unlink()
    for step in ("staging", "marts"):
        do_step(world, step)
    dbt_session.end()
    assert not differing(relations(published_world), relations(world))
