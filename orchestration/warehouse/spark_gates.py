"""Gates on what Spark holds: DuckDB judges over the warehouse's views, Spark where a suite looks at too much for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base.machine import is_machines
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import columns_of, exact, identifier, literal
from orchestration.gates.changed import Touched, check_changed
from orchestration.gates.engine import EngineError, ExpectationResult, name_failing_rows
from orchestration.gates.failed_rows import MAX_FAILURES_SHOWN, FailedRows, OnDuckDB
from orchestration.gates.gate import check_by
from orchestration.gates.outcome import Outcome
from orchestration.gates.shown_rows import MAX_EXAMPLES, masked_rows
from orchestration.gates.suites import Expectation, Suite

#: Has Spark judge a request, whose first rows come below a folder (`spark_judged.judge`).
Ask = Callable[[Mapping[str, Any], Path], Mapping[str, Any]]
Say = Callable[[str], None]
#: File of what Spark has found, beside the request.
ANSWER = "answer.json"


class SparkGates:
    """Judges relations by their suites, as `check_changed` does; the larger ones whole, by Spark if it can be asked."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, settings: Settings, manifest: Mapping[str, Any], ask: Ask | None, say: Say
    ) -> None:
        self._con, self._settings, self._manifest = con, settings, manifest
        self._ask, self._say = ask, say

    def __call__(self, suite: Suite, relation: str, touched: Touched | None) -> list[Outcome]:
        looked_at = self.bytes_looked_at(suite, relation)
        is_large = bool(suite.expectations) and looked_at > self._settings.spark_gates_above
        if is_large:
            by = "Spark" if self._ask else "Over Thrift, DuckDB"
            self._say(f"{by} judges {relation}: its gate looks at {looked_at / 1e9:,.1f} GB")
        if not is_large or self._ask is None:
            return check_changed(self._con, self._settings, suite, relation, touched)
        folder = private_dir(self._settings.spark_dir / "gates" / suite.name)
        try:
            return check_by(OnSpark(self._con, suite, folder, self._ask, self._say), suite, relation=relation)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def bytes_looked_at(self, suite: Suite, relation: str) -> int:
        """Parquet of the relation, and of those that the suite's queries name; a view's is that of what it reads."""
        named = {name for name in self._named.values() if suite.names(name)} | {relation}
        folders = {folder for name in named for folder in self._folders(name)}
        return sum(path.stat().st_size for folder in folders for path in folder.rglob("*.parquet"))

    @cached_property
    def _named(self) -> dict[str, str]:
        """Relations by dbt's unique id; a model that is a source of another one, too, has two."""
        models, sources = self._manifest["nodes"], self._manifest["sources"]
        names = {unique_id: f"{node['schema']}.{node['name']}" for unique_id, node in models.items()}
        return names | {unique_id: f"{one['schema']}.{one['identifier']}" for unique_id, one in sources.items()}

    @cached_property
    def _read(self) -> dict[str, list[str]]:
        """What each model reads."""
        return {
            self._named[unique_id]: [self._named[one] for one in node["depends_on"]["nodes"] if one in self._named]
            for unique_id, node in self._manifest["nodes"].items()
            if node["resource_type"] == "model"
        }

    @cached_property
    def _held(self) -> dict[str, str | None]:
        return dict(self._con.execute("select relation, folder from pipeline.held_by_spark").fetchall())

    def _folders(self, relation: str) -> set[Path]:
        schema, _, name = relation.partition(".")
        if schema == "raw":
            return {self._settings.raw_dir / name.removesuffix("__all_revisions")}
        if folder := self._held.get(relation):
            return {Path(folder)}
        return {folder for read in self._read.get(relation, ()) for folder in self._folders(read)}


class OnSpark:
    """Great Expectations on Spark, which tells the same as on DuckDB; DuckDB judges what Spark has no words for."""

    def __init__(self, con: duckdb.DuckDBPyConnection, suite: Suite, folder: Path, ask: Ask, say: Say) -> None:
        self._con, self._suite, self._folder = con, suite, folder
        self._ask, self._say = ask, say
        self._on_duckdb = OnDuckDB(con)
        self._failed: dict[str, Mapping[str, Any]] = {}

    def results(self, batch: str, expectations: Sequence[Expectation]) -> list[ExpectationResult]:
        answer = self._ask(
            {
                "relation": batch,
                "expectations": [expectation.of_gx for expectation in expectations],
                "partition_by": self._suite.partition_by,
                "partitions": MAX_FAILURES_SHOWN,
                "examples": MAX_EXAMPLES,
            },
            self._folder,
        )
        for expectation_id, why in answer["refused"].items():
            self._say(f"DuckDB judges {expectation_id} of {self._suite.name}, which Spark does not take: {why}")
        refused = [one for one in expectations if one.id in answer["refused"]]
        kept = [one for one in expectations if one.id not in answer["refused"]]
        self._failed = answer["failed"]
        found = [ExpectationResult(**result) for result in answer["results"]]
        told = name_failing_rows(self._con, batch, [one.of_gx for one in kept], found)
        told += self._on_duckdb.results(batch, refused)
        by_id = {result.expectation_id: result for result in told}
        return [by_id[expectation.id] for expectation in expectations]

    def failed_rows(self, suite: Suite, expectation: Expectation, result: ExpectationResult) -> FailedRows:
        if expectation.id not in self._failed:
            return self._on_duckdb.failed_rows(suite, expectation, result)
        counts = self._failed[expectation.id]
        try:
            if not counts:
                return FailedRows({None: self._examples(result, None)})
            failed = dict(counts["failed"])
            return FailedRows(
                examples={name: self._examples(result, name) for name in list(failed)[:MAX_FAILURES_SHOWN]},
                partition_by=identifier(str(suite.partition_by)),
                failed=failed,
                evaluated=dict(counts["evaluated"]),
            )
        except duckdb.Error as error:
            if is_machines(error):
                raise
            raise EngineError(f"{suite.name}: failing rows of {expectation.id!r}: {error}") from error

    def _examples(self, result: ExpectationResult, partition: str | None) -> tuple[Mapping[str, Any], ...]:
        """The first rows, which Spark has left by the number of their columns, as DuckDB would have found them."""
        described = self._con.execute(f"describe select * from ({result.failing_rows_sql})").fetchall()
        columns = ", ".join(
            f"cast(c{number} as {type_}) as {identifier(name)}" for number, (name, type_, *_) in enumerate(described)
        )
        rows = f"read_parquet({literal(exact(self._folder / f'{result.expectation_id}.parquet'))})"
        if len(columns_of(self._con, f"select * from {rows}")) != 1 + len(described):
            raise EngineError(f"{result.expectation_id}: Spark finds rows of other columns than DuckDB")
        wanted = "null" if partition is None else literal(partition)
        return masked_rows(
            self._con, f"select {columns} from {rows} where partition_of_the_row is not distinct from {wanted}"
        )


def ask_by_file(run: Callable[[Sequence[str]], object], show: Callable[[], None]) -> Ask:
    """Asks the process that has reached Spark; the first time, Spark is shown the tables.

    A `RuntimeError` of `run` is what that process says of what it could not judge; any other befell it.
    """
    shown: list[bool] = []

    def ask(request: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
        if not shown:
            show()
        path = folder / "request.json"
        path.write_text(json.dumps({**request, "show": not shown}), "utf-8")
        try:
            run(["judge", str(path)])
        except RuntimeError as error:
            raise EngineError(str(error).splitlines()[-1]) from error
        shown.append(True)
        answer: Mapping[str, Any] = json.loads((folder / ANSWER).read_text("utf-8"))
        return answer

    return ask
