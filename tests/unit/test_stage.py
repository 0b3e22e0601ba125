"""A stage of the warehouse: who waits for it, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.base.files import is_locked
from orchestration.base.settings import Settings
from orchestration.gates import verdicts
from orchestration.gates.gate import not_judged
from orchestration.gates.suites import Suite
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

CONTEXT: Any = SimpleNamespace(
    selected_asset_keys={dg.AssetKey(["churn", "totals"])}, run=SimpleNamespace(run_id="run"),
    log=SimpleNamespace(info=print, warning=print),
)  # fmt: skip


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
    (made,) = Stage("marts", settings, {}, Graph(MANIFEST), {}, read).run(CONTEXT)
    assert made.metadata["plot"].value == "[(1,)]"
    assert was_locked == {"when read": True, "when drawn": False}


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("", "fraud.cells, which is held back by cell_registry and was never built"),
        ('create schema fraud; create table fraud."cells" as select 1 as n where false', "and is as it was before"),
    ],
    ids=["was-never-built", "is-as-before"],
)
def test_what_is_compared_with_a_relation_that_is_held_back_says_so(
    there: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that a table does not exist, or that its rows are others, which would read like a mistake of the suite."""
    cells = NODE | {"unique_id": "model.ringfence.cells", "name": "cells", "schema": "fraud"}
    source = {"schema": "raw", "name": "cell_registry", "config": {"meta": {"feed": "cell_registry"}}}
    manifest = {
        "nodes": {NODE["unique_id"]: NODE, cells["unique_id"]: cells}, "sources": {"source.cells": source},
        "parent_map": {NODE["unique_id"]: [], cells["unique_id"]: ["source.cells"]},
        "child_map": {"source.cells": [cells["unique_id"]]},
    }  # fmt: skip
    site = tmp_path / "site"
    (site / "expectations" / "marts").mkdir(parents=True)
    query = 'select * from {batch} where n > (select count(*) from fraud."cells")'
    (site / "expectations" / "marts" / "totals.json").write_text(
        json.dumps({"name": "marts.totals", "expectations": [{
            "id": "within_cells", "type": "unexpected_rows_expectation", "severity": "critical",
            "kwargs": {"unexpected_rows_query": query}, "meta": {"why": "There are that many cells."},
        }]})
    )  # fmt: skip
    settings = Settings(home=tmp_path / "home", site=site, pseudonym_key="k" * 40)  # type: ignore[arg-type]
    closed = not_judged(Suite("raw", "cell_registry", ()), "a fault")
    verdicts.record(settings, "earlier", [closed], stage="raw", relation="cell_registry")

    def build(*_: Any, **__: Any) -> list[dbt.NodeResult]:
        with duckdb.connect(str(settings.warehouse)) as con:
            con.execute(f"create schema churn; create table churn.totals as select 1 as n; {there}")
        return [dbt.NodeResult(str(NODE["unique_id"]), "success", "", None, 0.1, None)]

    monkeypatch.setattr(dbt, "build", build)
    list(Stage("marts", settings, {}, Graph(manifest), {}, lambda *_: lambda _warn: {}).run(CONTEXT))
    (verdict,) = [one for one in verdicts.latest(settings) if one.stage == "marts"]
    assert verdict.is_closed
    assert said in f"{verdict.reason} {verdict.failures[0].why}"
