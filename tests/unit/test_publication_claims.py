"""What a publication says that it rests on, and what of the warehouse it leaves as readers have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb

from orchestration.gates import verdicts
from orchestration.gates.outcome import Outcome
from orchestration.ingest.receipt import Receipt, revision_dir, write_receipt
from orchestration.serving.assets import publication_asset
from orchestration.serving.generations import (
    current_publication,
)
from orchestration.serving.publish import already_published
from orchestration.state.up_to_date import is_published
from tests.support.published import Installation, mart, published

FAILURE = Outcome("marts", "groups", None, "adds_up", "sql", "critical", False, "1 row", "no row", 1, 1, "A test.")


def test_what_was_published_by_hand_leaves_a_run_its_work(installation: Installation) -> None:
    assert is_published(installation.settings, {})
    installation.publish(run=None)
    assert not is_published(installation.settings, {})


def test_what_was_edited_while_a_run_was_at_work_is_the_next_ones(installation: Installation, tmp_path: Path) -> None:
    edited = tmp_path / "site" / "reference" / "incidents.csv"
    edited.parent.mkdir(parents=True)
    installation.settings = installation.settings.model_copy(update={"site": tmp_path / "site"})
    told = []
    for _ in range(2):
        run = publication_asset(installation.settings, {}, installation.graph)
        edited.write_text("as it is")
        installation.judge()
        assert dg.materialize([run]).success
        told.append(is_published(installation.settings, {}))
    assert told == [False, True]


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
