"""What each model has read, where Spark is the engine: asked in dbt's process, of DuckDB in memory.

It is some thousand rows, of which dbt asks several times a model: each time a job of Spark's, of half a second. Spark's
models see it as the Parquet files of a partitioned table, one folder per model.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.sql import exact, literal

#: Tables of schema `pipeline` that dbt's hooks write, one partition per model, with their columns for Spark.
PROGRESS = {
    "consumed": "feed string, dt date, rev int, model string",
    "offered": "feed string, dt date, rev int, model string",
}
#: What dbt asks beside them, by the names of the files below the state's folder.
_READ = {"wanted": "pipeline.wanted", "made_of": "pipeline.made_of", "revision": "raw.revision"}


class Progress:
    """The progress tables of one dbt command; `state` is the folder in which Spark sees them."""

    def __init__(self, state: Path) -> None:
        self._con = duckdb.connect()
        self._state = state
        self._con.execute("create schema pipeline; create schema raw")
        for name, relation in _READ.items():
            file = literal(exact(state / name / f"{name}.parquet"))
            self._con.execute(f"create table {relation} as from read_parquet({file})")
        for name, columns in PROGRESS.items():
            self._con.execute(f"create table pipeline.{name} ({columns})")
            if files := [exact(path) for path in (state / name).glob("*/*.parquet")]:
                self._con.execute(
                    f"insert into pipeline.{name} by name from read_parquet({files}, hive_partitioning = true)"
                )

    def show(self, view: str, query: str) -> None:
        """Let a view over these tables be asked, too."""
        self._con.execute(f"create or replace view {view} as {query}")

    def column_of(self, query: str) -> list[Any]:
        """The first column of a query."""
        return [row[0] for row in self._con.execute(query).fetchall()]

    def replace(self, name: str, model: str, query: str) -> None:
        """Have a model's rows be those of a query, for whoever asks and for Spark, which has to look again."""
        self._con.execute(f"create or replace temporary table new_rows as {query}")
        self._con.execute(f"delete from pipeline.{name} where model = $1", [model])
        self._con.execute(f"insert into pipeline.{name} by name from new_rows")
        folder = self._state / name / f"model={model}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        columns = ", ".join(column.split()[0] for column in PROGRESS[name].split(", ") if "model" not in column)
        self._con.execute(
            f"copy (select {columns} from new_rows) to {literal(str(folder / 'rows.parquet'))} (format parquet)"
        )
