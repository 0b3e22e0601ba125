"""What a closed gate holds back, and what can do with the last good state of what is held back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.gates import verdicts
from orchestration.gates.gate import not_judged
from orchestration.gates.suites import Suite
from orchestration.warehouse.graph import Graph, without_pipeline
from orchestration.warehouse.held import held_back

PARENTS = {
    "changes": ["ports"], "payments": ["paid"], "hits": ["changes", "payments", "hits__touched"], "alerts": ["hits"],
    "deliveries": [], "hits__touched": ["ports", "payments", "deliveries"],
}  # fmt: skip
PIPELINE = ("deliveries", "hits__touched")
FEEDS = ("ports", "paid")


def _manifest() -> Mapping[str, Any]:
    """Payments are judged by `hits`, for which changes of a number are worth knowing but no condition."""
    return {
        "nodes": {
            name: {
                "unique_id": name, "name": name, "schema": "fraud", "resource_type": "model",
                "tags": ["pipeline"] if name in PIPELINE else [], "depends_on": {"nodes": PARENTS[name]},
                "description": "", "columns": {},
                "config": {"materialized": "table", "meta": {"last_good": ["changes"]} if name == "hits" else {}},
            }
            for name in PARENTS
        },
        "sources": {feed: {"name": feed, "config": {"meta": {"feed": feed}}} for feed in FEEDS},
        "parent_map": {**PARENTS, **{feed: [] for feed in FEEDS}},
        "child_map": {
            parent: [child for child, parents in PARENTS.items() if parent in parents] for parent in [*FEEDS, *PARENTS]
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("feed", "built", "held"),
    [
        ("ports", {"changes"}, {"changes"}),
        ("ports", set(), {"changes", "hits", "alerts"}),
        ("paid", {"changes", "payments"}, {"payments", "hits", "alerts"}),
    ],
    ids=["what was built before is read as it was", "what was never built cannot be read", "the others are needed"],
)
def test_a_closed_gate_holds_back_what_cannot_do_without(feed: str, built: set[str], held: set[str]) -> None:
    assert set(Graph(_manifest()).held_back(feeds=[feed], models=[], built=built)) == held


def test_behind_a_closed_gate_of_a_model_nothing_is_as_it_was() -> None:
    held = Graph(_manifest()).held_back(feeds=[], models=["changes"], built={"changes", "payments"})
    assert set(held) == {"changes", "hits", "alerts"}


@pytest.fixture
def judged(tmp_path: Path) -> Settings:
    """An installation in which everything was built and judged once, and whose ports are held back now."""
    settings = Settings(home=tmp_path, pseudonym_key="k" * 40)  # type: ignore[arg-type]
    for name in ("changes", "payments", "hits", "alerts"):
        verdicts.record(settings, "earlier", [], stage="staging", relation=name)
    closed = not_judged(Suite("raw", "ports", ()), "a fault")
    verdicts.record(settings, "now", [closed], stage="raw", relation="ports")
    return settings


@pytest.mark.parametrize(
    ("there", "held"),
    [
        (("changes", "payments"), {"changes"}),
        (("payments",), {"changes", "hits", "alerts"}),
        (None, {"changes", "hits", "alerts"}),
    ],
    ids=["there", "gone", "no-warehouse"],
)
def test_what_was_built_once_and_is_not_there_any_more_cannot_be_read_as_it_was(
    judged: Settings, there: tuple[str, ...] | None, held: set[str]
) -> None:
    if there is not None:
        with duckdb.connect(str(judged.warehouse)) as con:
            con.execute("create schema fraud")
            for name in there:
                con.execute(f"create table fraud.{name} as select 1 as n")
    assert set(held_back(judged, Graph(_manifest()), ["raw"])) == held


def test_whoever_asks_while_another_process_writes_is_told_that_the_most_is_held_back(judged: Settings) -> None:
    writing = (
        f"import duckdb, sys; con = duckdb.connect({str(judged.warehouse)!r}); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writing], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin and other.stdout and other.stdout.readline()
        assert set(held_back(judged, Graph(_manifest()), ["raw"])) == {"changes", "hits", "alerts"}
        other.stdin.close()


def test_what_reads_a_last_good_state_is_named() -> None:
    graph = Graph(_manifest())
    assert graph.reading_last_good({"changes": ["ports"]}) == {"hits": ["changes"]}
    assert graph.reading_last_good({"changes": ["ports"], "hits": ["paid"]}) == {}


def test_what_says_which_rows_to_recompute_is_built_with_its_model_alone() -> None:
    graph = Graph(_manifest())
    by_name = {node.name: node for node in graph.nodes.values()}
    assert graph.pipeline_of([by_name["hits"], by_name["alerts"]]) == ["deliveries", "hits__touched"]
    assert graph.pipeline_of([by_name["alerts"]]) == []
    assert not {*PIPELINE} & by_name.keys()


def test_people_are_shown_what_data_is_made_of_and_nothing_of_the_pipelines_own() -> None:
    shown = without_pipeline(_manifest())
    assert set(shown["nodes"]) == PARENTS.keys() - {*PIPELINE}
    assert shown["nodes"]["hits"]["depends_on"]["nodes"] == ["changes", "payments"]
    assert shown["parent_map"]["hits"] == ["changes", "payments"]
    assert shown["child_map"]["ports"] == ["changes"]


def test_what_lies_between_two_nodes_is_what_one_reaches_the_other_by() -> None:
    assert Graph(_manifest()).between("changes", "alerts") == ["changes", "hits", "alerts"]
