"""What a validation gives: a result of each expectation, or an error that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class EngineError(RuntimeError):
    """A check could not be carried out (a relation is missing, SQL is invalid): there is no verdict."""


@dataclass(frozen=True)
class ExpectationResult:
    """What became of one expectation. All values are plain JSON values.

    `evaluated` counts the rows that were looked at (after the row condition), `failed` those rejected;
    `failed` is None for an aggregate, where `observed` holds its value. `failing_rows_sql` and
    `evaluated_rows_sql` select these rows; they are set only where the expectation failed and single rows are to
    blame.
    """

    expectation_id: str
    expectation_type: str
    passed: bool
    observed: Any
    evaluated: int
    failed: int | None
    failing_rows_sql: str | None = None
    evaluated_rows_sql: str | None = None
