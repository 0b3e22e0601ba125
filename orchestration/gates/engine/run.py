"""One validation: expectations against a relation or query of a live connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from orchestration.gates.engine.result import ExpectationResult
from orchestration.gates.engine.supported import refuse_unsupported


def validate(
    con: duckdb.DuckDBPyConnection,
    relation_or_query: str,
    expectations: Sequence[Mapping[str, Any]],
) -> list[ExpectationResult]:
    """Judge a relation or query by `expectations`, each `{"id", "type", "kwargs"}` as in a GX suite.

    One pass: GX bundles all aggregates over the same rows into one statement. Results come in the order
    of `expectations`. Nothing is written, and the connection's transaction is left as it is.

    Raises `UnsupportedExpectation` before anything runs, and `EngineError` when any expectation could
    not be judged; a failed check is never the outcome of a broken one. What befell the machine is raised as it is.
    """
    refuse_unsupported(expectations)
    if not expectations:
        return []
    from orchestration.gates.engine import validation  # takes seconds, so only who validates pays

    return validation.run(con, relation_or_query, expectations)


def name_failing_rows(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    expectations: Sequence[Mapping[str, Any]],
    found: Sequence[ExpectationResult],
) -> list[ExpectationResult]:
    """Results that another engine has found, with the SQL by which DuckDB finds the rows of those that failed.

    No row is read.
    """
    from orchestration.gates.engine import validation

    return validation.with_sql(con, relation, expectations, found)
