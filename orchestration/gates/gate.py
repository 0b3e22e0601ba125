"""A gate: one relation judged by its suite, and the verdict.

What belongs here: running a suite, attributing a failure to partitions, naming the failing rows (masked).
What does not: what a closed gate holds back, and how the verdict is shown.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from orchestration.gates.engine import EngineError, ExpectationResult, validate
from orchestration.gates.suites import Expectation, Severity, Suite
from orchestration.privacy.masking import mask_digits
from orchestration.sql import first_line

MAX_EXAMPLES = 5

# Nine to fifteen digits that stand alone, however they are spaced: a number that somebody could call.
# A letter in front makes it a key. An integer of ten digits or more is taken for one that lost its zero.
_PHONE = re.compile(r"(?<![0-9A-Za-z])\+?\(?\d(?:[ .()\-]{0,2}\d){8,14}(?![0-9A-Za-z])")
_LEAST_PHONE_AS_INTEGER = 10**9


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation, as a whole (`partition` None) or in one partition that failed it.

    Every field is a plain JSON value. `failed` is None where no single row is to blame; `example` holds at
    most five of the failing rows, by column, masked; `failing_rows_sql` selects all of them. `accepted_by` and
    `accepted_reason` say who let a failure through, and why.
    """

    stage: str
    relation: str
    partition: str | None
    expectation_id: str
    expectation_type: str
    severity: str
    passed: bool
    observed: str
    expected: str
    evaluated: int
    failed: int | None
    why: str
    failing_rows_sql: str | None = None
    example: tuple[Mapping[str, Any], ...] = ()
    accepted_by: str | None = None
    accepted_reason: str | None = None


def check_relation(
    con: duckdb.DuckDBPyConnection,
    suite: Suite,
    *,
    relation: str,
    where: str | None = None,
    partition_column: str | None = None,
) -> list[Outcome]:
    """Judge `relation` (or its rows `where`) by `suite`, in one validation however many partitions it holds.

    An expectation that passes has one outcome. One that fails has one outcome per failing partition if
    `partition_column` is given and the failing rows have that column, else one for the whole.
    Raises `EngineError` when the relation cannot be judged; that is never a failed check.
    """
    batch = relation if where is None else f"select * from {relation} where {where}"
    expectations = [{"id": e.id, "type": e.type, "kwargs": e.kwargs} for e in suite.expectations]
    results = validate(con, batch, expectations)
    outcomes: list[Outcome] = []
    for expectation, result in zip(suite.expectations, results, strict=True):
        whole = _outcome(suite, expectation, result)
        if result.passed or result.failing_rows_sql is None:
            outcomes.append(whole)
        else:
            outcomes.extend(_with_failing_rows(con, whole, result.failing_rows_sql, partition_column))
    return outcomes


def not_judged(suite: Suite, error: EngineError) -> Outcome:
    """What a gate says that could not judge: it stays closed, and says why; everything else goes on."""
    return Outcome(
        stage=suite.stage,
        relation=suite.relation,
        partition=None,
        expectation_id="can_be_judged",
        expectation_type="engine",
        severity=Severity.CRITICAL,
        passed=False,
        observed=str(_shown(first_line(error))),
        expected="a verdict",
        evaluated=0,
        failed=None,
        why="What could not be judged is not known to be right.",
    )


def is_closed(outcomes: Iterable[Outcome], *, partition: str | None = None) -> bool:
    """Whether a critical expectation failed that nobody has accepted: anywhere, or in what concerns one partition."""
    return any(
        not outcome.passed
        and outcome.severity == Severity.CRITICAL
        and outcome.accepted_by is None
        and (partition is None or outcome.partition in (None, partition))
        for outcome in outcomes
    )


def _outcome(suite: Suite, expectation: Expectation, result: ExpectationResult) -> Outcome:
    return Outcome(
        stage=suite.stage,
        relation=suite.relation,
        partition=None,
        expectation_id=expectation.id,
        expectation_type=expectation.type,
        severity=_severity(expectation, result),
        passed=result.passed,
        observed=_observed(result),
        expected=_expected(expectation),
        evaluated=result.evaluated,
        failed=result.failed,
        why=expectation.why,
        failing_rows_sql=result.failing_rows_sql,
    )


def _severity(expectation: Expectation, result: ExpectationResult) -> Severity:
    """The expectation's own, unless so many of its rows failed that a warning no longer does."""
    bearable_pct = expectation.critical_above_pct
    if bearable_pct is None or result.failed is None or 100 * result.failed <= bearable_pct * result.evaluated:
        return expectation.severity
    return Severity.CRITICAL


def _observed(result: ExpectationResult) -> str:
    if result.failed is None:
        return "nothing to judge" if result.observed is None else json.dumps(result.observed, ensure_ascii=False)
    return _rows_failed(result.failed, result.evaluated)


def _rows_failed(failed: int, evaluated: int) -> str:
    return f"{failed:,} of {evaluated:,} rows" if failed else f"none of {evaluated:,} rows"


def _expected(expectation: Expectation) -> str:
    """The arguments as the suite has them, or what a query of the suite's own comes down to."""
    if "unexpected_rows_query" in expectation.kwargs:
        return "no row"
    return ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in expectation.kwargs.items())


def _with_failing_rows(
    con: duckdb.DuckDBPyConnection, whole: Outcome, sql: str, partition_column: str | None
) -> list[Outcome]:
    """The failed outcome with its rows named: split by partition where they can be told apart."""
    try:
        columns = [row[0] for row in con.execute(f"describe {sql}").fetchall()]
        if partition_column is not None and partition_column in columns:
            return _by_partition(con, whole, sql, partition_column)
        return [replace(whole, example=masked_rows(con, sql))]
    except duckdb.Error as error:
        raise EngineError(f"{whole.relation}: failing rows of {whole.expectation_id!r}: {error}") from error


def _by_partition(con: duckdb.DuckDBPyConnection, whole: Outcome, sql: str, partition_column: str) -> list[Outcome]:
    column = '"' + partition_column.replace('"', '""') + '"'
    counts = con.execute(
        f"select cast({column} as varchar) as partition, count(*) from ({sql}) group by all order by all"
    ).fetchall()
    outcomes = []
    for partition, failed in counts:
        is_partition = f"cast({column} as varchar) is not distinct from {_literal(partition)}"
        rows = f"select * from ({sql}) where {is_partition}"
        outcomes.append(
            replace(
                whole,
                partition=partition,
                failed=failed,
                observed=_rows_failed(failed, whole.evaluated),
                failing_rows_sql=rows,
                example=masked_rows(con, rows),
            )
        )
    return outcomes


def _literal(text: str | None) -> str:
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def masked_rows(con: duckdb.DuckDBPyConnection, sql: str, limit: int = MAX_EXAMPLES) -> tuple[Mapping[str, Any], ...]:
    """The first rows of a query by column, as JSON values; what may be a phone number is masked."""
    result = con.execute(f"select * from ({sql}) limit {limit}")
    columns = [column[0] for column in result.description]
    return tuple(dict(zip(columns, map(_shown, row), strict=True)) for row in result.fetchall())


def _shown(cell: Any) -> Any:
    """A cell as a JSON value, digits masked if it may be a phone number."""
    if cell is None or isinstance(cell, bool | float):
        return cell
    if isinstance(cell, int):
        return mask_digits(str(cell)) if abs(cell) >= _LEAST_PHONE_AS_INTEGER else cell
    if isinstance(cell, dt.date | dt.time | uuid.UUID):
        return str(cell)
    return _PHONE.sub(lambda number: mask_digits(number.group()), str(cell))
