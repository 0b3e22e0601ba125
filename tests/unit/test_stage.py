"""A stage of the warehouse: who waits for it, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.base.files import is_locked
from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.gates import verdicts
from orchestration.gates.gate import not_judged
from orchestration.gates.suites import Suite
from orchestration.serving.publish import publish
from orchestration.state.up_to_date import is_published
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.raw_relations import refresh_raw
from orchestration.warehouse.stage import Stage
from tests.support.small_site import DAY, HEADER, SmallSite, line

NODE = {
    "unique_id": "model.ringfence.totals", "name": "totals", "schema": "churn", "resource_type": "model",
    "config": {"materialized": "table", "meta": {"ungated": "A model of this test."}}, "tags": ["stage_marts"],
    "description": "One row per day.", "language": "python",
    "columns": {"n": {"name": "n", "data_type": "integer", "description": "A number.", "constraints": []}},
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


def test_what_is_held_back_is_told_though_the_build_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = {"schema": "raw", "name": "lines", "config": {"meta": {"feed": "lines"}}}
    lines, totals = NODE | {"unique_id": "model.ringfence.lines", "name": "lines"}, str(NODE["unique_id"])
    graph = Graph({
        "nodes": {lines["unique_id"]: lines, totals: NODE}, "sources": {"source.lines": source},
        "parent_map": {lines["unique_id"]: ["source.lines"], totals: []},
        "child_map": {"source.lines": [lines["unique_id"]]},
    })  # fmt: skip
    settings = Settings(home=tmp_path, pseudonym_key="k" * 40)  # type: ignore[arg-type]
    closed = not_judged(Suite("raw", "lines", ()), "a fault")
    verdicts.record(settings, "earlier", [closed], stage="raw", relation="lines")

    def build(*_: Any, **__: Any) -> list[dbt.NodeResult]:
        raise dbt.DbtError("model.ringfence.totals: no such column")

    monkeypatch.setattr(dbt, "build", build)

    context: Any = SimpleNamespace(
        **(vars(CONTEXT) | {"selected_asset_keys": {dg.AssetKey(["churn", name]) for name in ("lines", "totals")}})
    )
    events = Stage("marts", settings, {}, graph, {}, lambda *_: lambda _warn: {}).run(context)
    assert next(events).description == "lines is held back by lines"
    with pytest.raises(dbt.DbtError):
        next(events)
    assert not is_locked(settings.scratch_dir / ".warehouse.lock")


def test_what_could_do_with_an_earlier_state_waits_where_another_engine_had_built_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"schema": "raw", "name": "lines", "config": {"meta": {"feed": "lines"}}}
    lines, totals = NODE | {"unique_id": "model.ringfence.lines", "name": "lines"}, str(NODE["unique_id"])
    reading = NODE | {"config": NODE["config"] | {"meta": NODE["config"]["meta"] | {"last_good": ["lines"]}}}
    graph = Graph({
        "nodes": {lines["unique_id"]: lines, totals: reading}, "sources": {"source.lines": source},
        "parent_map": {lines["unique_id"]: ["source.lines"], totals: [lines["unique_id"]]},
        "child_map": {"source.lines": [lines["unique_id"]], lines["unique_id"]: [totals]},
    })  # fmt: skip
    settings = Settings(home=tmp_path, pseudonym_key="k" * 40)  # type: ignore[arg-type]
    verdicts.record(settings, "earlier", [], stage="marts", relation="lines")
    closed = not_judged(Suite("raw", "lines", ()), "a fault")
    verdicts.record(settings, "earlier", [closed], stage="raw", relation="lines")
    with duckdb.connect(str(settings.warehouse)) as con:
        con.execute("create schema churn; create table churn.lines as select 1 as n")
    (tmp_path / "engine.txt").write_text("spark", "utf-8")
    built: list[str] = []

    def build(*_: Any, select: list[str], **__: Any) -> list[dbt.NodeResult]:
        built.extend(select)
        return []

    monkeypatch.setattr(dbt, "build", build)
    context: Any = SimpleNamespace(
        **(vars(CONTEXT) | {"selected_asset_keys": {dg.AssetKey(["churn", name]) for name in ("lines", "totals")}})
    )
    list(Stage("marts", settings, {}, graph, {}, lambda *_: lambda _warn: {}).run(context))
    assert built == []


class Charged:
    """Charges of a feed, which staging makes a table of, and totals of these; what was built, by stage."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self.built = SmallSite(root), list[str]()
        source = {"schema": "raw", "name": "charges", "config": {"meta": {"feed": "charges"}}}
        charges = NODE | {"unique_id": "model.ringfence.charges", "name": "charges", "tags": ["stage_staging"]}
        charged, totals = str(charges["unique_id"]), str(NODE["unique_id"])
        self.graph = Graph({
            "nodes": {charged: charges, totals: NODE}, "sources": {"source.charges": source},
            "parent_map": {charged: ["source.charges"], totals: [charged]},
            "child_map": {"source.charges": [charged], charged: [totals]},
        })  # fmt: skip
        monkeypatch.setattr(dbt, "build", self._build)

    def deliver(self, day: date) -> None:
        self.site.drop(HEADER + line(1), dt=day)
        self.site.ingest(day)

    def run(self, name: str) -> list[str]:
        """What a stage builds, and the days that raw has for it."""
        self.built.clear()
        keys = {dg.AssetKey(["churn", "totals"]), dg.AssetKey(["churn", "charges"])}
        context: Any = SimpleNamespace(**(vars(CONTEXT) | {"selected_asset_keys": keys}))
        feeds = {"charges": self.site.feed}
        list(Stage(name, self.site.settings, feeds, self.graph, {}, lambda *_: lambda _warn: {}).run(context))
        return list(self.built)

    def publish(self) -> date | None:
        """Publish as a run does; the day to which the totals are said to be."""
        publication = publish(self.site.settings, self.graph, {"charges": self.site.feed}, "run")
        assert publication
        (totals,) = publication.relations
        return totals.data_through

    def days(self) -> list[date]:
        """The deliveries that the warehouse knows of."""
        with connect(self.site.settings, str(self.site.settings.warehouse)) as con:
            return [dt for (dt,) in con.execute("select dt from raw.revision order by dt").fetchall()]

    def _build(self, settings: Settings, select: list[str], **_: Any) -> list[dbt.NodeResult]:
        """What dbt and its hooks do."""
        with duckdb.connect(str(settings.warehouse)) as con:
            con.execute("create schema if not exists churn")
            for name in select:
                con.execute(f"create or replace table churn.{name} as select 1 as n")
                con.execute("delete from pipeline.made_of where model = $1", [name])
                con.execute(
                    "insert into pipeline.made_of select model, code, version, replaced, was_whole "
                    "from pipeline.wanted where model = $1",
                    [name],
                )
        self.built += select
        return [dbt.NodeResult(f"model.ringfence.{name}", "success", "", None, 0.1, None) for name in select]


def test_what_comes_in_between_two_stages_waits_for_the_next_staging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged = Charged(tmp_path, monkeypatch)
    charged.deliver(DAY)
    assert charged.run("staging") == ["charges"]
    charged.deliver(DAY + timedelta(days=1))  # another run's, which is killed
    assert charged.run("marts") == ["totals"]
    assert charged.days() == [DAY], "what is published says what it is made of by these"
    assert (charged.run("staging"), charged.run("marts")) == (["charges"], ["totals"])
    assert charged.days() == [DAY, DAY + timedelta(days=1)]


def test_what_rests_on_what_a_killed_run_was_to_build_is_built_when_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged = Charged(tmp_path, monkeypatch)
    charged.deliver(DAY)
    assert (charged.run("staging"), charged.run("marts")) == (["charges"], ["totals"])
    charged.deliver(DAY + timedelta(days=1))
    with connect(charged.site.settings, str(charged.site.settings.warehouse)) as con:
        refresh_raw(con, charged.site.settings, {"charges": charged.site.feed})  # and killed over its first model
    assert charged.run("marts") == []
    assert (charged.run("staging"), charged.run("marts")) == (["charges"], ["totals"])


def test_what_another_run_has_staged_is_not_told_to_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged = Charged(tmp_path, monkeypatch)
    charged.deliver(DAY)
    assert (charged.run("staging"), charged.run("marts")) == (["charges"], ["totals"])
    charged.deliver(DAY + timedelta(days=1))
    assert charged.run("staging") == ["charges"]  # another run, which is killed before its marts
    assert charged.publish() == DAY
    assert not is_published(charged.site.settings, {"charges": charged.site.feed})
    assert (charged.run("staging"), charged.run("marts")) == ([], ["totals"])
    assert charged.publish() == DAY + timedelta(days=1)
    assert is_published(charged.site.settings, {"charges": charged.site.feed})


def test_what_a_killed_run_was_to_stage_is_not_told_to_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged = Charged(tmp_path, monkeypatch)
    charged.deliver(DAY)
    assert charged.run("staging") == ["charges"]
    charged.deliver(DAY + timedelta(days=1))
    with connect(charged.site.settings, str(charged.site.settings.warehouse)) as con:
        refresh_raw(con, charged.site.settings, {"charges": charged.site.feed})  # another's, killed in its staging
    assert charged.run("marts") == ["totals"]
    assert charged.publish() == DAY
    assert not is_published(charged.site.settings, {"charges": charged.site.feed})
