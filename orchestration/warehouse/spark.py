"""Apache Spark as the engine: its tables are Parquet, of which the warehouse's file is a facade of views.

One dbt command is one change. Before it, Spark is shown the folders that count; it writes new ones beside them, and
when the command has ended, the views of the warehouse are pointed at these in one transaction, with the progress that
belongs to them. Killed at any moment before, nothing has happened, and the next run does the same again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import columns_of, connect, exact, literal
from orchestration.contracts import load_feeds
from orchestration.runtime.warehouse_lock import warehouse_lock
from orchestration.warehouse.spark_facade import show
from orchestration.warehouse.spark_gates import SparkGates, ask_by_file
from orchestration.warehouse.spark_progress import PROGRESS
from orchestration.warehouse.spark_raw import raw_statements, spark_type

#: File of the statements by which Spark knows what the warehouse shows.
STATEMENTS = "statements.json"
#: Folder of what dbt asks and writes beside the models' rows (`spark_progress`).
STATE = "state"
_PROGRESS_IN_DUCKDB = "create table if not exists pipeline.{} (model varchar, feed varchar, dt date, rev integer)"
#: Types that Spark is told beforehand: to find them in a file is a job for each table.
_SAID_TO_SPARK = {
    "VARCHAR", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "BOOLEAN", "DATE", "DECIMAL",
    "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
_HELD = (
    "create table if not exists pipeline.held_by_spark "
    "(relation varchar not null, folder varchar, view_sql varchar, made bigint not null)"
)


class Spark:
    """Apache Spark, reached as RINGFENCE_SPARK says."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tables = settings.spark_dir / "tables"
        self._state = settings.spark_dir / STATE
        self._compiled = settings.spark_dir / "compiled"

    def environment(self) -> Mapping[str, str]:
        """Where Spark is, where its tables are, and what is said to it before each command."""
        said = {"RINGFENCE_SPARK": self._settings.spark, "RINGFENCE_SPARK_DIR": str(self._settings.spark_dir)}
        if not self._is_over_thrift:
            return said
        at = urlsplit(self._settings.spark)
        return said | {
            "RINGFENCE_SPARK_METHOD": "thrift",
            "RINGFENCE_SPARK_HOST": str(at.hostname),
            "RINGFENCE_SPARK_PORT": str(at.port),
            "RINGFENCE_SPARK_USER": at.username or "ringfence",
        }

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Write down the statements by which Spark knows everything that the warehouse shows."""
        shutil.rmtree(self._state, ignore_errors=True)
        private_dir(self._state)
        private_dir(self._tables)
        with connect(self._settings, str(self._settings.warehouse)) as con:
            prepare(con)
            self._drop_unheld(con)
            statements = [*self._schemas(manifest), *self._pipeline(con)]
            statements += raw_statements(con, self._settings, load_feeds(self._settings), self._state)
            statements += _held(con)
        replace_text(self._settings.spark_dir / STATEMENTS, json.dumps(statements))

    def end(self, manifest: Mapping[str, Any], results: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Point the warehouse at what succeeded; what failed stays as it was, and so does its progress."""
        built = [entry["unique_id"] for entry in results["results"] if entry["status"] == "success"]
        compiled = {entry["unique_id"]: entry.get("compiled_code") for entry in results["results"]}
        folder = self._tables / results["metadata"]["invocation_id"]
        with connect(self._settings, str(self._settings.warehouse)) as con:
            con.execute("begin")
            for name in PROGRESS:
                _read_progress(con, name, self._state)
            made = con.execute("select coalesce(max(made), 0) from pipeline.held_by_spark").fetchall()[0][0]
            for number, unique_id in enumerate((one for one in built if one in manifest["nodes"]), made + 1):
                node = manifest["nodes"][unique_id]
                if node["resource_type"] not in ("model", "seed"):
                    continue
                relation = f"{node['schema']}.{node['name']}"
                is_view = node["config"]["materialized"] == "view"
                held = [relation, None if is_view else str(folder / relation), compiled[unique_id], number]
                con.execute("delete from pipeline.held_by_spark where relation = $1", [relation])
                con.execute("insert into pipeline.held_by_spark values ($1, $2, $3, $4)", held)
            _note_made_of(con, [manifest["nodes"][one]["name"] for one in built if one in manifest["nodes"]])
            show(con, manifest, built, environment, self._compiled)
            con.execute("commit")
            self._drop_unheld(con)

    def compiled_dir(self, of_dbt: Path) -> Path:
        return self._compiled

    def keep(self) -> AbstractContextManager[object]:
        return warehouse_lock(self._settings, is_patient=False)

    def gates(
        self, con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], run: Callable[[Sequence[str]], object],
        say: Callable[[str], None],
    ) -> SparkGates:  # fmt: skip
        # Great Expectations asks a session of pyspark's, which a connection over Thrift is not
        ask = None if self._is_over_thrift else ask_by_file(run, lambda: self.begin(manifest))
        return SparkGates(con, self._settings, manifest, ask, say)

    @property
    def _is_over_thrift(self) -> bool:
        return urlsplit(self._settings.spark).scheme == "thrift"

    def _drop_unheld(self, con: duckdb.DuckDBPyConnection) -> None:
        """Remove what no view shows: earlier versions, and what a killed command has left."""
        held = {folder for (folder,) in con.execute("select folder from pipeline.held_by_spark").fetchall()}
        for path in self._tables.glob("*/*"):
            if str(path) not in held:
                shutil.rmtree(path)
        for path in self._tables.iterdir():
            if not any(path.iterdir()):
                path.rmdir()

    def _schemas(self, manifest: Mapping[str, Any]) -> Iterator[str]:
        names = {node["schema"] for node in manifest["nodes"].values()} | {"raw", "pipeline", "main"}
        for name in sorted(names):
            yield f"drop schema if exists {name} cascade"  # tables lie where they are; their names go
            yield f"create schema {name}"

    def _pipeline(self, con: duckdb.DuckDBPyConnection) -> Iterator[str]:
        """What this run wants, as it is; what dbt's hooks write, as a table of partitions."""
        for name in ("wanted", "made_of"):
            path = private_dir(self._state / name) / f"{name}.parquet"
            con.execute(f"copy pipeline.{name} to {literal(str(path))} (format parquet)")
            yield f"create table pipeline.{name} using parquet location '{path.parent}'"
        for name, columns in PROGRESS.items():
            folder = private_dir(self._state / name)
            order = ", ".join(column.split()[0] for column in columns.split(", "))
            con.execute(
                f"copy (select {order} from pipeline.{name}) to {literal(str(folder))} "
                "(format parquet, partition_by (model), overwrite_or_ignore)"
            )
            yield f"create table pipeline.{name} ({columns}) using parquet partitioned by (model) location '{folder}'"


def java_memory(limit: str) -> str:
    """A limit as DuckDB takes it, such as `1.5GB`, as Java does: in whole megabytes."""
    unit = limit.lstrip("0123456789. ")
    base = 1024 if unit.endswith("iB") else 1000
    return f"{int(float(limit.removesuffix(unit)) * base ** (' KMGT'.index(unit[0])) / 2**20)}m"


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that say what Spark holds, and what it has read."""
    con.execute("create schema if not exists pipeline")
    con.execute(_HELD)
    for name in ("consumed", "offered"):
        con.execute(_PROGRESS_IN_DUCKDB.format(name))


def _held(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Spark's relations: tables, and then views in the order in which they were made, each after what it reads."""
    rows = con.execute(
        "select relation, folder, view_sql from pipeline.held_by_spark order by folder is null, made"
    ).fetchall()
    for relation, folder, view_sql in rows:
        if folder is None:
            yield f"create or replace view {relation} as {view_sql}"
        else:
            yield f"create table {relation} {_columns(con, folder)} using parquet location '{folder}'"


def _columns(con: duckdb.DuckDBPyConnection, folder: str) -> str:
    """The columns of a folder of Parquet; nothing where one of them is a list or a structure: Spark looks itself."""
    types = columns_of(con, f"select * from read_parquet({literal(exact(Path(folder)) + '/*.parquet')})")
    if not all(type_.partition("(")[0] in _SAID_TO_SPARK and not type_.endswith("]") for type_ in types.values()):
        return ""
    return "(" + ", ".join(f"`{name}` {spark_type(type_)}" for name, type_ in types.items()) + ")"


def _note_made_of(con: duckdb.DuckDBPyConnection, models: Sequence[str]) -> None:
    """Say of these models what they were wanted to be made of; of one that nobody wanted, nothing is known."""
    con.execute("delete from pipeline.made_of where list_contains($1::varchar[], model)", [models])
    con.execute(
        "insert into pipeline.made_of by name select model, code, version, replaced, was_whole "
        "from pipeline.wanted where list_contains($1::varchar[], model)",
        [models],
    )


def _read_progress(con: duckdb.DuckDBPyConnection, name: str, state: Path) -> None:
    """Take over what the hooks have written."""
    columns = ", ".join(
        f"{column}::{type_} as {column}" for column, type_ in columns_of(con, f"pipeline.{name}").items()
    )
    con.execute(f"delete from pipeline.{name}")
    files = [*(state / name).glob("*/*.parquet")]
    if files:
        con.execute(
            f"insert into pipeline.{name} by name select {columns} "
            f"from read_parquet({[exact(path) for path in files]}, hive_partitioning = true)"
        )
