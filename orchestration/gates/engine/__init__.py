"""Great Expectations on a live DuckDB connection.

What belongs here: everything that Great Expectations (GX) and SQLAlchemy need to judge a relation of a
DuckDB connection that the caller already holds. It sees temporary views and uncommitted rows, takes no
lock, starts no data context, and therefore sends no telemetry and asks no server for a newer version.
What does not: suites, stages, partitions, Dagster. Nothing of the project is imported, so that the
package could stand on its own.

Importing this package is cheap; `validate` imports GX (seconds) when it is first called.

| module | reason to change |
|---|---|
| `supported.py` | which expectations are let through |
| `dialect.py` | how SQLAlchemy speaks to DuckDB |
| `execution.py` | how GX finds batch, columns and relations |
| `metrics.py` | which GX metrics DuckDB answers in its own way |
| `failing_rows.py` | the SQL that names the rows an expectation rejects |
| `run.py` | what a validation takes |
| `result.py` | what a validation gives |
| `findings.py` | one validation by GX, whichever of its engines answers |
| `validation.py` | one validation by GX on DuckDB |
"""

from __future__ import annotations

from orchestration.gates.engine.result import EngineError, ExpectationResult
from orchestration.gates.engine.run import name_failing_rows, validate
from orchestration.gates.engine.supported import (
    UnsupportedExpectation,
    may_judge_row_by_row,
    refuse_unsupported,
    supported_expectations,
)

__all__ = [
    "EngineError",
    "ExpectationResult",
    "UnsupportedExpectation",
    "may_judge_row_by_row",
    "name_failing_rows",
    "refuse_unsupported",
    "supported_expectations",
    "validate",
]
