"""What has to be built: only what is made of something else than its rows were made of."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.warehouse.due import Plan, plan, want
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.made_of import MadeOf, essence
from orchestration.warehouse.records import prepare, raw_versions
from orchestration.warehouse.same_rows import first_of, held_by, note_same

Edit = Callable[[dict[str, Any]], None]


def node(name: str, code: str, kind: str, parents: list[str]) -> dict[str, Any]:
    return {
        "unique_id": f"model.ringfence.{name}", "name": name, "schema": "churn", "resource_type": "model",
        "language": "sql", "raw_code": code, "config": {"materialized": kind}, "tags": ["stage_marts"],
        "description": "One row per day.", "columns": {}, "depends_on": {"nodes": parents},
    }  # fmt: skip


def project() -> dict[str, Any]:
    """A feed, its view, an incremental model, a table with a macro, one beside them, and one on both."""
    nodes = [
        node("stg_calls", "select * from raw.calls", "view", ["source.calls"]),
        node("calls", "select {{ cents('fee') }} from stg_calls", "incremental", ["model.ringfence.stg_calls"]),
        node("lines", "select 1 as n", "table", []),
        node("totals", "from calls, lines", "table", ["model.ringfence.calls", "model.ringfence.lines"]),
    ]  # fmt: skip
    parents = {one["unique_id"]: one["depends_on"]["nodes"] for one in nodes}
    return {
        "nodes": {one["unique_id"]: one for one in nodes}, "parent_map": parents, "child_map": {},
        "sources": {"source.calls": {"schema": "raw", "name": "calls", "config": {"meta": {"feed": "calls"}}}},
        "macros": {
            f"macro.ringfence.{name}": {"name": name, "package_name": "ringfence", "macro_sql": text}
            for name, text in {
                "cents": "{% macro cents(x) %}{{ adapter.dispatch('rounded')(x) }}{% endmacro %}",
                "duckdb__rounded": "{% macro duckdb__rounded(x) %}round({{ x }}){% endmacro %}",
                "unused": "{% macro unused() %}1{% endmacro %}",
            }.items()
        },
    }  # fmt: skip


class Built:
    """A warehouse in which everything was built from a project and one delivery."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.project, self.held = settings, project(), set[str]()
        self.con = duckdb.connect()
        prepare(self.con)
        self.con.execute("create schema raw; create schema churn")
        self.con.execute("create table raw.revision (feed text, dt date, rev integer, is_current boolean)")
        self.con.execute("insert into raw.revision values ('calls', '2026-01-01', 1, true)")
        for name in ("stg_calls", "calls", "lines", "totals"):
            self.con.execute(f"create table churn.{name} (n integer)")
        self.build(self.plan())

    def plan(self) -> Plan:
        graph = Graph(self.project)
        return plan(self.con, graph, MadeOf(self.settings, self.project, {}), {}, raw_versions(self.con), self.held)

    def build(self, found: Plan, *names: str) -> None:
        want(self.con, found, dict.fromkeys(names or found.due, False))
        self.con.execute("delete from pipeline.made_of where model in (select model from pipeline.wanted)")
        self.con.execute("insert into pipeline.made_of select * exclude (is_tested_whole) from pipeline.wanted")

    def due(self, edit: Edit = lambda it: None) -> dict[str, bool]:
        """What is due after an edit, and whether whole."""
        self.project = copy.deepcopy(self.project)
        edit(self.project)
        return {name: one.is_whole for name, one in self.plan().due.items()}

    def deliver(self, rev: int = 1, day: str = "2026-01-02") -> None:
        self.con.execute("update raw.revision set is_current = false where dt = $1", [day])
        self.con.execute("insert into raw.revision values ('calls', $1, $2, true)", [day, rev])


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return Built(Settings(home=tmp_path, pseudonym_key="k" * 40))  # type: ignore[arg-type]


def in_model(name: str, **said: Any) -> Edit:
    return lambda it: it["nodes"][f"model.ringfence.{name}"].update(said)


def in_macro(name: str, text: str) -> Edit:
    return lambda it: it["macros"][f"macro.ringfence.{name}"].update(macro_sql=text)


def test_a_comment_is_nothing_unless_it_holds_jinja_and_what_is_quoted_stays() -> None:
    assert essence("select 1 -- one\n  /* or\n two */ as n {# of it's kind #}") == "select 1 as n"
    assert essence("select '--  not  a comment' -- {{ ref('x') }}") == "select '--  not  a comment' -- {{ ref('x') }}"
    assert essence("def model():\n    '''Says it.'''\n    return 1  # one", "python") == essence(
        "def model():\n    return 1", "python"
    )


def test_nothing_is_due_where_nothing_or_only_what_is_said_of_it_has_changed(built: Built) -> None:
    assert built.due() == {}
    assert built.due(in_model("calls", description="Anew", tags=["stage_marts", "open"])) == {}
    assert built.due(in_model("lines", raw_code="select  1 as n -- one")) == {}
    assert built.due(in_macro("unused", "{% macro unused() %}2{% endmacro %}")) == {}


def test_a_model_whose_code_changed_is_built_whole_and_what_is_built_on_it(built: Built) -> None:
    assert built.due(in_model("lines", raw_code="select 2 as n")) == {"lines": True, "totals": True}
    assert built.plan().due["totals"].because == ("parent lines",)


def test_a_macro_reaches_what_uses_it_through_whatever_an_engine_dispatches(built: Built) -> None:
    changed = in_macro("duckdb__rounded", "{% macro duckdb__rounded(x) %}floor({{ x }}){% endmacro %}")
    assert built.due(changed) == {"calls": True, "totals": True}
    assert built.plan().due["calls"].because == ("macro duckdb__rounded",)


def test_a_delivery_reaches_what_reads_it_and_makes_no_view_again(built: Built) -> None:
    built.deliver()
    assert built.due() == {"calls": False, "totals": True}
    built.build(built.plan())
    assert built.due() == {}
    built.deliver(rev=2)
    assert built.due() == {"calls": False, "totals": True}


def test_what_was_killed_halfway_goes_on_where_it_was(built: Built) -> None:
    built.due(in_model("calls", raw_code="select 7 as fee from stg_calls"))
    built.build(built.plan(), "calls")
    assert built.due() == {"totals": True}


def test_code_that_went_and_came_back_between_two_builds_is_seen(built: Built) -> None:
    first = built.project
    built.due(in_model("lines", raw_code="select 2 as n"))
    built.build(built.plan(), "lines")  # and killed before `totals`
    built.project = first
    assert built.due() == {"lines": True}, "what was never built on the other code is right as it is"


def test_what_is_held_back_keeps_what_its_readers_rest_on(built: Built) -> None:
    built.deliver()
    built.held = {"calls"}
    assert built.due() == {}, "its reader has read it as it was"
    assert built.due(in_model("lines", raw_code="select 2 as n")) == {"lines": True, "totals": True}
    built.build(built.plan())
    built.held = set()
    assert built.due() == {"calls": False, "totals": True}


def test_a_relation_that_is_gone_or_that_nobody_knows_of_is_built(built: Built) -> None:
    built.con.execute("drop table churn.lines")
    assert built.due() == {"lines": True}
    built.con.execute("delete from pipeline.made_of where model = 'calls'")
    assert built.due() == {"calls": True, "lines": True}


def test_other_pseudonyms_have_everything_read_again_and_no_increment_built_whole(built: Built) -> None:
    built.con.execute("update pipeline.made_of set version = null")
    assert built.due()["calls"] is False
    assert built.due().keys() >= {"calls", "totals"}


def test_touched_keys_tell_the_difference_from_what_was_shown_before_the_last_build_alone(built: Built) -> None:
    assert built.plan().nodes["calls"].touched_since is None, "it was built whole"
    first = built.plan().nodes["calls"].now.rows
    built.deliver()
    assert built.plan().nodes["calls"].touched_since == first
    built.build(built.plan())
    assert built.plan().nodes["calls"].touched_since == first
    second = built.plan().nodes["calls"].now.rows
    built.deliver(day="2026-01-03")
    assert built.plan().nodes["calls"].touched_since == second
    built.due(in_model("calls", raw_code="select 7 as fee from stg_calls"))
    assert built.plan().nodes["calls"].touched_since is None


def test_what_rests_on_other_code_that_makes_the_same_rows_is_not_due(built: Built) -> None:
    edit = in_model("calls", raw_code="select round(cents) as fee from stg_calls")
    assert built.due(edit) == {"calls": True, "totals": True}
    found = built.plan()
    built.build(found, "calls")
    assert built.due() == {"totals": True}, "nobody has looked at the rows yet"
    assert note_same(built.con, found, held_by(built.con, [found.due["calls"].node]))
    assert built.due() == {}
    built.deliver()
    assert built.due() == {"calls": False, "totals": True}
    built.build(built.plan())
    back = in_model("calls", raw_code="select {{ cents('fee') }} from stg_calls")
    assert built.due(back) == {"calls": True, "totals": True}, "what was the same need not be after a delivery"
    built.build(built.plan(), "calls")
    assert built.due() == {"totals": True}


@pytest.mark.parametrize(
    "other",
    [
        "insert into churn.calls values (7)",
        "alter table churn.calls rename n to fee",
        "alter table churn.calls alter n set type bigint",
    ],
)
def test_what_rests_on_other_code_that_makes_other_rows_or_columns_is_due(built: Built, other: str) -> None:
    built.due(in_model("calls", raw_code="select 7 as fee from stg_calls"))
    found = built.plan()
    before = held_by(built.con, [found.due["calls"].node])
    built.con.execute(other)
    built.build(found, "calls")
    assert not note_same(built.con, found, before)
    assert built.due() == {"totals": True}


@pytest.mark.parametrize(
    ("edited", "first"),
    [
        (["lines"], ["lines"]),
        (["lines", "calls"], ["calls", "lines"]),
        (["stg_calls"], []),  # a view has no rows to compare
        (["totals"], []),  # nothing rests on it
        ([], []),
    ],
)
def test_what_is_built_first_is_of_other_code_and_waited_for(built: Built, edited: list[str], first: list[str]) -> None:
    built.deliver()
    for name in edited:
        built.due(in_model(name, raw_code="select 1 as other"))
    found = built.plan()
    assert sorted(node.name for node in first_of(Graph(built.project), found, found.due)) == first
