"""A generation takes from the one before it what is made of the same, and looks at everything that it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.serving.publish import publish
from orchestration.warehouse.due import prepare
from orchestration.warehouse.graph import Graph


def mart(name: str, door: str, description: str = "One row per n.", kind: str = "table") -> dict[str, Any]:
    return {
        "unique_id": f"model.ringfence.{name}", "name": name, "schema": "churn", "resource_type": "model",
        "config": {"materialized": kind}, "tags": ["stage_marts", door], "description": description,
        "columns": {"n": {"name": "n", "data_type": "integer", "description": "A number.", "constraints": []}},
    }  # fmt: skip


class Installation:
    """A warehouse with an open mart, a restricted one and its view, `n` from 1 to 3, and what they were made of."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, pseudonym_key="k" * 40)  # type: ignore[arg-type]
        with self.warehouse() as con:
            con.execute("create schema churn")
            prepare(con)
            con.execute("create schema raw")
            con.execute("create table raw.revision (feed varchar, dt date, rev integer, is_current boolean)")
            for name in ("totals", "lines"):
                con.execute(f"create table churn.{name} as select unnest(range(1, 4))::integer as n")
            con.execute("create view churn.lines_shown as from churn.lines")
            for name in ("totals", "lines", "lines_shown"):
                con.execute("insert into pipeline.made_of values ($1, '{}', 'first', null, true)", [name])

    def warehouse(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.settings.warehouse))

    def publish(self, description: str = "One row per n.") -> None:
        nodes = [mart("totals", "open", description), mart("lines", "restricted", description)]
        nodes.append(mart("lines_shown", "restricted", description, "view"))
        parents = {node["unique_id"]: [] for node in nodes} | {nodes[2]["unique_id"]: [nodes[1]["unique_id"]]}
        manifest = {
            "nodes": {node["unique_id"]: node for node in nodes}, "sources": {}, "child_map": {}, "parent_map": parents,
        }  # fmt: skip
        assert publish(self.settings, Graph(manifest), {}, "a test")

    def change(self, version: str | None) -> None:
        """Another row in each, made of `version`; the view's own code is what it was."""
        with self.warehouse() as con:
            for name in ("totals", "lines"):
                con.execute(f"insert into churn.{name} values (4)")
            con.execute("update pipeline.made_of set version = $1 where model <> 'lines_shown'", [version])

    def shown(self, query: str) -> list[Any]:
        found = []
        files = (("marts.duckdb", "totals"), ("cases.duckdb", "lines"), ("cases.duckdb", "lines_shown"))
        for file, name in files:
            with duckdb.connect(str(self.settings.serving_dir / "current" / file), read_only=True) as con:
                found += con.execute(query.format(f"churn.{name}")).fetchall()
        return [value for (value,) in found]


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
