"""A small warehouse for tests of the dbt project: raw relations as ingest leaves them, and dbt's CLI."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.site_profile import DEFAULT_SITE, SITES
from orchestration.site.reference import write_references
from tests.support.feeds import FEEDS

DBT_PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
#: Reference rows of the default site.
REFERENCE = SITES / DEFAULT_SITE / "reference"

Row = Mapping[str, Any]


@cache
def _place_of_this_process() -> Path:
    """Where dbt finds each warehouse of this process: for another path it would parse the whole project again."""
    folder = Path(tempfile.mkdtemp(prefix="dbt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB file with schema `raw`, and the dbt project run on it."""

    path: Path
    target: Path
    view: str = "operator:KT"
    site: Path | None = None

    @classmethod
    def create(cls, folder: Path, **settings: Any) -> Warehouse:
        """A warehouse whose feeds have never arrived, in a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        warehouse = cls(folder / "warehouse.duckdb", folder / "target", **settings)
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

    def connect(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(str(self.path))
        con.execute("set timezone = 'Asia/Seoul'")
        return con

    def deliver(self, feed: str, dt: str, rows: Iterable[Row], *, rev: int = 1) -> None:
        """One revision of one day, which becomes the current one; it came `rev` days later.

        Columns that a row leaves out are null.
        """
        with self.connect() as con:
            con.execute("update raw.revision set is_current = false where feed = ? and dt = ?", [feed, dt])
            con.execute(
                "insert into raw.revision values ($1, $2, $3, $2::date + $3::integer + time '05:40', true)",
                [feed, dt, rev],
            )
            for row in rows:
                names = [*row, "dt", "rev"]
                marks = ", ".join("?" * len(names))
                con.execute(
                    f"insert into raw.{feed}__all_revisions ({', '.join(names)}) values ({marks})",
                    [*row.values(), dt, rev],
                )

    def dbt(self, *arguments: str) -> str:
        """Run dbt's CLI beside the running interpreter.

        Raises:
            AssertionError: if dbt fails, with what it printed.
        """
        settings = Settings(home=self.path.parent / "home", site=self.site)
        place = _place_of_this_process()
        shown, parsed = place / self.path.name, self.target / "partial_parse.msgpack"
        shown.unlink(missing_ok=True)
        shown.symlink_to(self.path)
        if not parsed.exists() and (place / parsed.name).exists():
            self.target.mkdir(parents=True, exist_ok=True)
            shutil.copy(place / parsed.name, parsed)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGFENCE_")}
        environment |= {
            "RINGFENCE_WAREHOUSE": str(shown),
            "RINGFENCE_VIEW": self.view,
            "RINGFENCE_ALERT_BY": settings.site_profile.alert_by,
            "RINGFENCE_TIMEZONE": "Asia/Seoul",
            "RINGFENCE_CURRENCY": "KRW",
            "RINGFENCE_REFERENCE": self._references(settings),
            "RINGFENCE_MEMORY_LIMIT": "1GB",
            "RINGFENCE_TEMP": str(place / "temporary"),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.target),
        }
        command = [str(Path(sys.executable).with_name("dbt")), *arguments, "--profiles-dir", str(DBT_PROJECT)]
        done = subprocess.run(command, cwd=DBT_PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        shutil.copy(parsed, place)
        return done.stdout

    def _references(self, settings: Settings) -> str:
        """The folder with the reference tables, written as before every dbt."""
        folder = self.target / "reference"
        folder.mkdir(parents=True, exist_ok=True)
        write_references(settings, folder)
        return str(folder)

    def build_models(self, *arguments: str) -> str:
        """Seeds and models only: tests cost more than they tell on every step of a history."""
        return self.dbt("build", "--exclude-resource-types", "test", "unit_test", *arguments)

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
