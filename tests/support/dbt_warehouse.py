"""A small warehouse for tests of the dbt project: raw relations as ingest leaves them, and dbt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings, private_dir
from orchestration.base.site_profile import DEFAULT_SITE, SITES
from orchestration.site.reference import write_references
from orchestration.warehouse import dbt
from tests.support.feeds import FEEDS
from tests.support.parsed import know_the_project

#: Reference rows of the default site.
REFERENCE = SITES / DEFAULT_SITE / "reference"
#: Rows of one statement.
_AT_ONCE = 200

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB file with schema `raw`, and the dbt project run on it."""

    settings: Settings
    #: A connection that stays open from a delivery to the next dbt: opening the file takes longer than a delivery.
    _delivering: list[duckdb.DuckDBPyConnection] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def create(cls, folder: Path, **settings: Any) -> Warehouse:
        """A warehouse whose feeds have never arrived, in a folder of its own."""
        warehouse = cls(Settings(home=folder, memory_limit="1GB", **({"view": "operator:KT"} | settings)))
        folder.mkdir(parents=True, exist_ok=True)
        with warehouse.connect() as con:
            con.execute("create schema raw")
            con.execute(
                "create table raw.revision "
                "(feed varchar, dt date, rev integer, delivered_at timestamptz, is_current boolean)"
            )
            for feed in FEEDS.values():
                columns = ", ".join(f"{column.raw_name} {column.raw_type}" for column in feed.columns)
                con.execute(f"create table raw.{feed.name}__all_revisions ({columns}, dt date, rev integer)")
                con.execute(
                    f"create view raw.{feed.name} as select * from raw.{feed.name}__all_revisions where (dt, rev) in "
                    f"(select (dt, rev) from raw.revision where feed = '{feed.name}' and is_current)"
                )
        return warehouse

    @property
    def path(self) -> Path:
        return self.settings.warehouse

    @property
    def target(self) -> Path:
        """Where dbt leaves its manifest, and its results."""
        return dbt.target_dir(self.settings)

    def connect(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(str(self.path))
        con.execute("set timezone = 'Asia/Seoul'")
        return con

    def deliver(self, feed: str, dt: str, rows: Iterable[Row], *, rev: int = 1) -> None:
        """One revision of one day, which becomes the current one; it came `rev` days later.

        Columns that a row leaves out are null.
        """
        if not self._delivering:
            self._delivering.append(self.connect())
        (con,) = self._delivering
        con.begin()
        con.execute("update raw.revision set is_current = false where feed = ? and dt = ?", [feed, dt])
        con.execute(
            "insert into raw.revision values ($1, $2, $3, $2::date + $3::integer + time '05:40', true)", [feed, dt, rev]
        )
        told = list(rows)
        names = list(dict.fromkeys(chain.from_iterable(told)))
        marks = f"({', '.join('?' * len(names))}, '{dt}', {rev})"
        for at in range(0, len(told), _AT_ONCE):
            some = told[at : at + _AT_ONCE]
            con.execute(
                f"insert into raw.{feed}__all_revisions ({', '.join([*names, 'dt', 'rev'])}) "
                f"values {', '.join([marks] * len(some))}",
                [row.get(name) for row in some for name in names],
            )
        con.commit()

    def let_go(self) -> None:
        """Leave the file to another process, until the next delivery."""
        while self._delivering:
            self._delivering.pop().close()

    def dbt(self, *arguments: str) -> None:
        """Have dbt do a command.

        Raises:
            AssertionError: if a node of it fails, with what dbt said.
        """
        self.let_go()
        know_the_project(self.settings)
        write_references(self.settings, private_dir(self.target / "reference"))
        list(dbt.run(self.settings, arguments, project=dbt.fingerprint(self.settings)))
        results = json.loads((self.target / "run_results.json").read_bytes())["results"]
        assert not [result for result in results if result["status"] in ("error", "fail", "runtime error")]

    def build_models(self, *arguments: str) -> None:
        """Seeds and models only: tests cost more than they tell on every step of a history."""
        self.dbt("build", "--exclude-resource-types", "test", "unit_test", *arguments)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as con:
            return con.execute(sql).fetchall()

    def built_relations(self) -> list[str]:
        """Everything that dbt has built, by qualified name."""
        return [
            name
            for (name,) in self.query(
                "select table_schema || '.' || table_name from information_schema.tables "
                "where table_schema in ('intermediate', 'core', 'churn', 'fraud') order by 1"
            )
        ]
