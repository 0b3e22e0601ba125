"""The part of a validation on DuckDB that needs Great Expectations: import this module only to validate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
from great_expectations.exceptions.exceptions import GreatExpectationsError
from sqlalchemy.exc import SQLAlchemyError

from orchestration.gates.engine import metrics  # noqa: F401  (registers DuckDB's own metrics)
from orchestration.gates.engine.execution import DuckDBExecutionEngine
from orchestration.gates.engine.failing_rows import evaluated_rows_sql, failing_rows_sql
from orchestration.gates.engine.findings import configuration, findings
from orchestration.gates.engine.result import EngineError, ExpectationResult


def run(
    con: duckdb.DuckDBPyConnection, relation_or_query: str, expectations: Sequence[Mapping[str, Any]]
) -> list[ExpectationResult]:
    """See `orchestration.gates.engine.validate`."""
    engine = DuckDBExecutionEngine(con)
    try:
        batch = engine.batch(relation_or_query)
        found = findings(engine, batch, relation_or_query, expectations)
        return _with_sql(engine, batch.id, expectations, found)
    except (GreatExpectationsError, SQLAlchemyError, duckdb.Error, EngineError) as error:
        if engine.befell:
            raise engine.befell from error
        raise error if isinstance(error, EngineError) else EngineError(f"{relation_or_query}: {error}") from error


def with_sql(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    expectations: Sequence[Mapping[str, Any]],
    found: Sequence[ExpectationResult],
) -> list[ExpectationResult]:
    """See `orchestration.gates.engine.name_failing_rows`."""
    engine = DuckDBExecutionEngine(con)
    batch = engine.batch(relation)
    engine.batch_manager.load_batch_list([batch])
    return _with_sql(engine, batch.id, expectations, found)


def _with_sql(
    engine: DuckDBExecutionEngine,
    batch_id: Any,
    expectations: Sequence[Mapping[str, Any]],
    found: Sequence[ExpectationResult],
) -> list[ExpectationResult]:
    told = []
    for expectation, result in zip(expectations, found, strict=True):
        if result.passed or result.failed is None:  # no single row is to blame
            told.append(result)
            continue
        configured = configuration(expectation)
        told.append(
            replace(
                result,
                failing_rows_sql=failing_rows_sql(engine, batch_id, configured),
                evaluated_rows_sql=evaluated_rows_sql(engine, batch_id, configured),
            )
        )
    return told
