"""What is built does not depend on the order of rows in files, on how many threads read them, or on how many parts."""

from __future__ import annotations

import shutil
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
def other_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB has one thread where dbt has it build models, and those that take many rows in parts do so with few."""
    project = tmp_path / "dbt_project"
    shutil.copytree(dbt.DBT_PROJECT, project)
    for name, old, new in (
        ("profiles.yml", "config_options:\n", "config_options:\n        threads: 1\n"),
        ("macros/engine/parts.sql", "// parse_formatted_bytes(current_setting('memory_limit')) + 1", "// 600000 + 1"),
    ):
        text = (project / name).read_text("utf-8")
        assert text.count(old) == 1
        (project / name).write_text(text.replace(old, new), "utf-8")
    environment = dbt.environment
    there = {"DBT_PROFILES_DIR": str(project), "DBT_PROJECT_DIR": str(project)}
    monkeypatch.setattr(dbt, "environment", lambda settings: environment(settings) | there)


@pytest.mark.usefixtures("other_project")
def test_the_same_rows_in_another_order_by_one_thread_and_in_parts_build_the_same_relations(
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
