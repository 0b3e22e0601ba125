"""A generation takes from the one before it what is made of the same, and looks at everything that it holds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from orchestration.base.content import content_of
from orchestration.base.settings import Settings
from orchestration.gates import verdicts
from orchestration.gates.outcome import Outcome
from orchestration.ingest.receipt import Receipt, revision_dir, write_receipt
from orchestration.serving import publish as publishing
from orchestration.serving.generations import (
    PublishedRelation,
    current_dir,
    current_publication,
    rollback,
    unfinished,
)
from orchestration.serving.publish import already_published, publish
from orchestration.serving.sealed import check_published
from orchestration.serving.verify import VerificationError
from orchestration.state.up_to_date import is_published
from orchestration.warehouse.due import prepare
from orchestration.warehouse.graph import Graph


def mart(
    name: str, door: str, description: str = "One row per n.", kind: str = "table", column: str = "n"
) -> dict[str, Any]:
    return {
        "unique_id": f"model.ringfence.{name}", "name": name, "schema": "churn", "resource_type": "model",
        "config": {"materialized": kind, "unique_key": "n"}, "tags": ["stage_marts", door], "description": description,
        "columns": {
            column: {"name": column, "data_type": "integer", "description": "A number.", "constraints": []}
        },
    }  # fmt: skip


FAILURE = Outcome("marts", "groups", None, "adds_up", "sql", "critical", False, "1 row", "no row", 1, 1, "A test.")


class Installation:
    """A warehouse with an open mart, a restricted one and its view, `n` from 1 to 3, and what they were made of."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, pseudonym_key="k" * 40)  # type: ignore[arg-type]
        self.more: list[dict[str, Any]] = []
        self.feeds: dict[str, Any] = {}
        with self.warehouse() as con:
            con.execute("create schema churn")
            prepare(con)
            con.execute("create schema raw")
            con.execute("create table raw.revision (feed varchar, dt date, rev integer, is_current boolean)")
            for name in ("totals", "lines"):
                con.execute(f"create table churn.{name} as select unnest(range(1, 4))::integer as n")
                con.execute(f"create table pipeline.{name}__touched (n integer)")
            con.execute("create view churn.lines_shown as from churn.lines")
            for name in ("offered", "consumed"):
                con.execute(f"create table pipeline.{name} (model varchar, feed varchar, dt date, rev integer)")
            for name in ("totals", "lines", "lines_shown"):
                con.execute("insert into pipeline.made_of values ($1, '{}', 'first', null, true)", [name])

    def warehouse(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.settings.warehouse))

    def judge(self) -> None:
        """A gate looks at the lines as they stand; the other two are made of no delivery, or a view."""
        with self.warehouse() as con:
            (version,) = con.execute("select version from pipeline.made_of where model = 'lines'").fetchall()[0]
        verdicts.record(self.settings, "run", [], stage="marts", relation="lines", inputs=f"tests.{version}.beside")

    def publish(
        self, description: str = "One row per n.", column: str = "n", *, is_judged: bool = True, run: str | None = "run"
    ) -> None:
        if is_judged:
            self.judge()
        nodes = [
            mart("totals", "open", description, column=column),
            mart("lines", "restricted", description, "incremental"),
            mart("lines_shown", "restricted", description, "view"),
            *self.more,
        ]
        totals, lines, view, *more = (node["unique_id"] for node in nodes)
        manifest = {
            "nodes": {node["unique_id"]: node for node in nodes},
            "sources": {"source.calls": {"schema": "raw", "name": "calls", "config": {"meta": {"feed": "calls"}}}},
            "parent_map": {totals: [], lines: ["source.calls"], view: [lines], **{one: [] for one in more}},
            "child_map": {"source.calls": [lines], lines: [view]},
        }
        self.graph = Graph(manifest)
        assert publish(self.settings, self.graph, self.feeds, run)

    def change(self, version: str | None) -> None:
        """Another row in each, made of `version`; the view's own code is what it was."""
        with self.warehouse() as con:
            for name in ("totals", "lines"):
                con.execute(f"insert into churn.{name} values (4)")
            con.execute("update pipeline.made_of set version = $1 where model <> 'lines_shown'", [version])

    def replace(self, kept: int, touched: int, version: str, replaced: str) -> None:
        """An increment: row `touched` has gone, and 7 has come; `kept` has gone, too, which is not among its keys."""
        with self.warehouse() as con:
            con.execute(
                "create or replace table pipeline.lines__touched as select unnest([$1, 7])::integer as n", [touched]
            )
            con.execute("delete from churn.lines where n in ($1, $2)", [kept, touched])
            con.execute("insert into churn.lines values (7)")
            con.execute(
                "update pipeline.made_of set version = $1, replaced = $2, was_whole = false where model = 'lines'",
                [version, replaced],
            )

    def lines(self, relation: str = "lines") -> list[int]:
        """What is published of them."""
        with duckdb.connect(str(self.settings.serving_dir / "current" / "cases.duckdb"), read_only=True) as con:
            return [n for (n,) in con.execute(f"select n from churn.{relation} order by n").fetchall()]

    def shown(self, query: str) -> list[Any]:
        found = []
        files = (("marts.duckdb", "totals"), ("cases.duckdb", "lines"), ("cases.duckdb", "lines_shown"))
        for file, name in files:
            with duckdb.connect(str(self.settings.serving_dir / "current" / file), read_only=True) as con:
                found += con.execute(query.format(f"churn.{name}")).fetchall()
        return [value for (value,) in found]


def published(settings: Settings) -> list[PublishedRelation]:
    """What readers see."""
    publication = current_publication(settings)
    assert publication
    return publication.relations


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path)
    made.publish()
    return made


def test_what_is_made_of_the_same_is_not_read_from_the_warehouse_again(installation: Installation) -> None:
    installation.change("first")  # as it never is: other rows, made of the same
    installation.publish()
    assert installation.shown("select count(*) from {}") == [3, 3, 3]
    assert len(list(installation.settings.serving_dir.glob("[!.]*/publication.json"))) == 3  # two, and `current`


@pytest.mark.parametrize("version", ["second", None])
def test_what_is_made_of_something_else_or_of_nobody_knows_what_is_read(
    installation: Installation, version: str | None
) -> None:
    installation.change(version)
    installation.publish()
    assert installation.shown("select count(*) from {}") == [4, 4, 4]
    installation.change(version)
    installation.publish()
    assert installation.shown("select count(*) from {}") == ([4, 4, 4] if version else [5, 5, 5])


def test_what_is_said_of_it_is_always_what_is_said_now(installation: Installation) -> None:
    installation.publish("One row per number.")
    assert set(installation.shown("select comment from duckdb_tables() where schema_name = 'churn' -- {}")) == {
        "One row per number."
    }


def test_a_column_by_another_name_has_it_in_parquet_too(installation: Installation) -> None:
    with installation.warehouse() as con:
        con.execute("alter table churn.totals rename n to number")
        con.execute("update pipeline.made_of set version = 'second' where model = 'totals'")
    installation.publish(column="number")
    parquet = installation.settings.serving_dir / "current" / "parquet" / "churn" / "totals.parquet"
    assert duckdb.sql(f"from '{parquet}'").columns == ["number"]


def test_of_an_increment_the_touched_rows_alone_are_published_anew(installation: Installation) -> None:
    installation.replace(kept=1, touched=2, version="second", replaced="first")  # as no increment does: 1 is gone, too
    installation.publish()
    assert installation.lines() == installation.lines("lines_shown") == [1, 3, 7]
    with installation.warehouse() as con:
        con.execute("insert into churn.lines values (1)")
        expected = content_of(con, "churn.lines").as_published
    assert {
        (entry.rows, entry.checksum) for entry in published(installation.settings) if entry.door == "restricted"
    } == {expected}


@pytest.mark.parametrize("why", ["a build lay between", "the keys are those of a build that never ended"])
def test_what_the_touched_rows_do_not_tell_is_published_whole(installation: Installation, why: str) -> None:
    is_between = why == "a build lay between"
    installation.replace(kept=1, touched=2, version="third", replaced="second" if is_between else "first")
    if not is_between:
        with installation.warehouse() as con:
            con.execute("insert into pipeline.offered values ('lines', 'calls', '2026-01-02', 1)")
    installation.publish()
    assert installation.lines() == installation.lines("lines_shown") == [3, 7]


def test_what_was_published_by_hand_leaves_a_run_its_work(installation: Installation) -> None:
    assert is_published(installation.settings, {})
    installation.publish(run=None)
    assert not is_published(installation.settings, {})


def test_what_came_in_beside_a_run_is_not_told_to_be_published(installation: Installation) -> None:
    settings, day = installation.settings, date(2026, 1, 2)
    installation.feeds["calls"] = SimpleNamespace(fingerprint="", amount=None)
    receipt = Receipt(
        feed="calls", dt=day, rev=1, status="ACCEPTED", fingerprint="", sha256="", contract="", files=[],
        delivered_at=datetime.now(UTC), ingested_at=datetime.now(UTC), has_manifest=False,
    )  # fmt: skip
    folder = revision_dir(settings.raw_dir, "calls", day, 1)
    folder.mkdir(parents=True)
    write_receipt(folder, receipt)
    told = []
    for _ in range(2):
        installation.publish()
        through = next(one.data_through for one in published(settings) if one.relation == "churn.lines")
        told.append((is_published(settings, installation.feeds), through))
        with installation.warehouse() as con:
            con.execute("insert into raw.revision values ('calls', $1, 1, true)", [day])
    assert told == [(False, None), (True, day)]


def test_what_another_run_has_built_is_published_though_the_one_before_knew_of_its_deliveries(
    installation: Installation,
) -> None:
    assert already_published(installation.settings, installation.graph, {})
    installation.replace(kept=0, touched=2, version="second", replaced="first")
    assert not already_published(installation.settings, installation.graph, {})


def test_what_was_built_and_not_judged_is_published_as_it_was(installation: Installation) -> None:
    installation.replace(kept=0, touched=2, version="second", replaced="first")
    installation.publish(is_judged=False)
    assert installation.lines() == installation.lines("lines_shown") == [1, 2, 3]
    publication = current_publication(installation.settings)
    assert publication
    assert publication.held_back == {"churn.lines": ["lines"], "churn.lines_shown": ["lines"]}
    installation.publish()
    assert installation.lines() == installation.lines("lines_shown") == [1, 3, 7]


def test_small_groups_are_those_of_now_though_what_was_held_back_was_published_by_another_threshold(
    installation: Installation,
) -> None:
    groups = mart("groups", "open", column="kind")
    groups["columns"]["n"] = groups["columns"]["kind"] | {"name": "n"}
    groups["config"]["meta"] = {"small_groups": {"figures": [{"persons": ["n"]}]}}
    key = {
        "unique_id": "test.key", "name": "key", "resource_type": "test", "attached_node": groups["unique_id"],
        "test_metadata": {"name": "primary_key", "kwargs": {"columns": ["kind"]}}, "tags": [],
    }  # fmt: skip
    installation.more += [groups, key]
    with installation.warehouse() as con:
        con.execute("create table churn.groups as select unnest(range(1, 4))::integer as n, n as kind")
        con.execute("insert into pipeline.made_of values ('groups', '{}', 'first', null, true)")
    told = []
    for threshold, is_held in ((3, False), (1, True), (3, False)):
        installation.settings = installation.settings.model_copy(update={"small_group_threshold": threshold})
        failure = replace(FAILURE, passed=not is_held)
        verdicts.record(installation.settings, "run", [failure], stage="marts", relation="groups")
        installation.publish()
        with duckdb.connect(str(installation.settings.serving_dir / "current" / "marts.duckdb"), read_only=True) as con:
            told += con.execute("select count(n) from churn.groups").fetchall()
    assert told == [(1,), (3,), (1,)]


def test_a_generation_that_was_half_removed_is_none_and_its_rest_goes_next_time(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = installation.settings.serving_dir
    installation.settings = installation.settings.model_copy(update={"keep_generations": 1})

    def killed(folder: Path, **_: Any) -> None:
        if folder.exists():
            (folder / "publication.json").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            installation.publish()
    now = current_dir(installation.settings)
    assert now
    assert {path.name for path in serving.glob("[!.]*") if path.is_dir()} == {"current", now.name}
    assert len(unfinished(installation.settings)) == 1
    installation.publish()
    assert not unfinished(installation.settings)


def test_a_generation_that_goes_on_from_another_leaves_it_as_it_was(installation: Installation) -> None:
    before = current_dir(installation.settings)
    installation.replace(kept=1, touched=2, version="second", replaced="first")
    installation.publish()
    rollback(installation.settings)
    assert current_dir(installation.settings) == before
    assert installation.lines() == [1, 2, 3]
    assert check_published(installation.settings)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (
            "delete from out.churn.lines where n = 3",
            r"churn.lines \(restricted\): 3 rows were to be in cases.duckdb, but 2",
        ),
        ("update out.churn.lines set n = null where n = 7", "what was replaced in cases.duckdb differs"),
        ("drop table out.churn.lines", "is not in cases.duckdb"),
    ],
)
def test_what_goes_on_is_counted_and_what_was_replaced_is_compared_before_anybody_is_switched_to_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, tampering: str, said: str
) -> None:
    create_ops, before = publishing.create_ops, current_dir(installation.settings)

    def tampered(settings: Settings, graph: Graph, feeds: Any, path: Path, *rest: Any) -> None:
        create_ops(settings, graph, feeds, path, *rest)
        with duckdb.connect() as con:
            con.execute(f"attach '{path.with_name('cases.duckdb')}' as out")
            con.execute(tampering)

    monkeypatch.setattr(publishing, "create_ops", tampered)
    installation.replace(kept=0, touched=2, version="second", replaced="first")
    with pytest.raises(VerificationError, match=said):
        installation.publish()
    assert current_dir(installation.settings) == before
