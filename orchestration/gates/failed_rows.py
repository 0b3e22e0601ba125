"""What judges a relation, and what it tells of the rows that an expectation rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import duckdb

from orchestration.base.machine import is_machines
from orchestration.base.sql import columns_of, identifier
from orchestration.gates.engine import EngineError, ExpectationResult, validate
from orchestration.gates.shown_rows import MAX_EXAMPLES, Rows, by_partition, masked_rows, rows_by_partition
from orchestration.gates.suites import Expectation, Suite

#: As many failures as a page bears; of more, only the counts are kept.
MAX_FAILURES_SHOWN = 20


@dataclass(frozen=True)
class FailedRows:
    """The rows that an expectation rejects, with the first of them, masked.

    Where they are told apart by `partition_by` (a quoted column), `failed` and `evaluated` count by partition, and the
    first partitions have examples; else all examples are those of partition None.
    """

    examples: Mapping[str | None, Rows]
    partition_by: str | None = None
    failed: Mapping[str | None, int] = field(default_factory=dict)
    evaluated: Mapping[str | None, int] = field(default_factory=dict)


class Judge(Protocol):
    """What judges a relation by expectations."""

    def results(self, batch: str, expectations: Sequence[Expectation]) -> list[ExpectationResult]:
        """A result of each expectation; raises `EngineError` for what cannot be judged."""

    def failed_rows(self, suite: Suite, expectation: Expectation, result: ExpectationResult) -> FailedRows:
        """The rows that it rejects; raises `EngineError` if they cannot be read."""


class OnDuckDB:
    """Great Expectations on a connection of DuckDB's."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def results(self, batch: str, expectations: Sequence[Expectation]) -> list[ExpectationResult]:
        return validate(self._con, batch, [expectation.of_gx for expectation in expectations])

    def failed_rows(self, suite: Suite, expectation: Expectation, result: ExpectationResult) -> FailedRows:
        sql = str(result.failing_rows_sql)
        try:
            if suite.partition_by is not None and suite.partition_by in columns_of(self._con, sql):
                return self._by_partition(identifier(suite.partition_by), expectation, result)
            return FailedRows({None: masked_rows(self._con, sql)})
        except duckdb.Error as error:
            if is_machines(error):
                raise
            raise EngineError(f"{suite.name}: failing rows of {expectation.id!r}: {error}") from error

    def _by_partition(self, column: str, expectation: Expectation, result: ExpectationResult) -> FailedRows:
        rows = f"({result.failing_rows_sql})"
        if expectation.has_own_sql:  # what a query finds may take long to find again
            self._con.execute(f"create or replace temp table failing_rows as {result.failing_rows_sql}")
            rows = "failing_rows"
        failed = by_partition(self._con, column, "count(*)", rows)
        first = list(failed)[:MAX_FAILURES_SHOWN]
        return FailedRows(
            examples=rows_by_partition(self._con, column, rows, first, MAX_EXAMPLES),
            partition_by=column,
            failed=failed,
            evaluated=by_partition(self._con, column, "count(*)", f"({result.evaluated_rows_sql})"),
        )
