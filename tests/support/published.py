"""A publication of three marts by hand, without dbt: what it takes from the one before, and what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings
from orchestration.gates import verdicts
from orchestration.serving.generations import (
    PublishedRelation,
    current_publication,
)
from orchestration.serving.publish import publish
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.records import prepare


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
