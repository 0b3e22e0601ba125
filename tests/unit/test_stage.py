"""A stage of the warehouse: who waits for it, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.base.files import is_locked
from orchestration.base.settings import Settings
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.stage import Stage

NODE = {
    "unique_id": "model.ringfence.totals", "name": "totals", "schema": "churn", "resource_type": "model",
    "config": {"materialized": "table", "meta": {"ungated": "A model of this test."}}, "tags": ["stage_marts"],
    "description": "One row per day.", "columns": {}, "language": "python",
}  # fmt: skip
MANIFEST = {
    "nodes": {NODE["unique_id"]: NODE}, "sources": {}, "parent_map": {NODE["unique_id"]: []}, "child_map": {},
}  # fmt: skip


def test_nobody_waits_for_the_warehouse_while_pictures_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, pseudonym_key="k" * 40)  # type: ignore[arg-type]
    lock = settings.scratch_dir / ".warehouse.lock"
    was_locked: dict[str, bool] = {}

    def build(*_: Any, **__: Any) -> list[dbt.NodeResult]:
        with duckdb.connect(str(settings.warehouse)) as con:
            con.execute("create schema churn; create table churn.totals as select 1 as n")
        return [dbt.NodeResult(str(NODE["unique_id"]), "success", "", None, 0.1, None)]

    def read(con: duckdb.DuckDBPyConnection, relation: str) -> Callable[[Any], Mapping[str, Any]]:
        was_locked["when read"] = is_locked(lock)
        found = con.execute(f"from {relation}").fetchall()

        def draw(_warn: Any) -> Mapping[str, Any]:
            was_locked["when drawn"] = is_locked(lock)
            return {"plot": dg.MetadataValue.text(str(found))}

        return draw

    monkeypatch.setattr(dbt, "build", build)
    stage = Stage("marts", settings, {}, Graph(MANIFEST), {}, read)
    context: Any = SimpleNamespace(
        selected_asset_keys={dg.AssetKey(["churn", "totals"])}, run=SimpleNamespace(run_id="run"),
        log=SimpleNamespace(info=print, warning=print),
    )  # fmt: skip
    (made,) = stage.run(context)
    assert made.metadata["plot"].value == "[(1,)]"
    assert was_locked == {"when read": True, "when drawn": False}
