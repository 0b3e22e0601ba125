"""A gate: one relation judged by its suite, and the verdict.

What belongs here: running a suite, attributing a failure to partitions. What does not: what a closed gate holds back,
and how the verdict is shown.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from string import Formatter
from typing import Any

import duckdb

from orchestration.base.sql import first_line, identifier
from orchestration.gates.engine import EngineError, ExpectationResult
from orchestration.gates.failed_rows import MAX_FAILURES_SHOWN, FailedRows, Judge, OnDuckDB
from orchestration.gates.outcome import CAN_BE_JUDGED, Outcome
from orchestration.gates.shown_rows import Rows, in_partitions, seen_to_keep, shown, to_keep
from orchestration.gates.suites import Expectation, Severity, Suite

#: From here on a share is told without decimals.
_WHOLE_PCT = 10

#: As many wrong rows are somebody's mistakes, whatever share of a quiet day they are.
_MISTAKES = 3


def check_relation(
    con: duckdb.DuckDBPyConnection,
    suite: Suite,
    *,
    relation: str,
    partitions: Collection[str | None] | None = None,
) -> list[Outcome]:
    """Judge `relation` of a connection by `suite`: one validation, however many partitions it holds.

    With `partitions`, expectations that judge row by row look at these alone, in a validation of their own; all others
    are about the whole relation. An expectation that passes has one outcome. One that fails has one per failing
    partition if the suite says what partitions the relation and the failing rows have that column, else one for the
    whole. What cannot be judged has `CAN_BE_JUDGED` for its only outcome, which closes the gate.
    """
    return check_by(OnDuckDB(con), suite, relation=relation, partitions=partitions)


def check_by(
    judge: Judge, suite: Suite, *, relation: str, partitions: Collection[str | None] | None = None
) -> list[Outcome]:
    """As `check_relation`, by whatever judges."""
    narrow = [e for e in suite.expectations if e.row_by_row and partitions is not None]
    wide = [e for e in suite.expectations if e not in narrow]
    try:
        judged = _judge(judge, suite, relation, wide)
        if narrow and partitions is not None:
            here = in_partitions(identifier(str(suite.partition_by)), partitions)
            judged |= _judge(judge, suite, f"select * from {relation} where {here}", narrow)
    except EngineError as error:
        return [not_judged(suite, first_line(error))]
    return [outcome for expectation in suite.expectations for outcome in judged[expectation.id]]


def _judge(judge: Judge, suite: Suite, batch: str, expectations: Sequence[Expectation]) -> dict[str, list[Outcome]]:
    """Outcomes by expectation; raises `EngineError` for what cannot be judged."""
    results = judge.results(batch, expectations)
    return {
        expectation.id: _outcomes(judge, suite, expectation, result)
        for expectation, result in zip(expectations, results, strict=True)
    }


def not_judged(suite: Suite, why: str) -> Outcome:
    """What a gate says that could not judge: it stays closed, and says why; everything else goes on."""
    return Outcome(
        stage=suite.stage,
        relation=suite.relation,
        partition=None,
        expectation_id=CAN_BE_JUDGED,
        expectation_type="engine",
        severity=Severity.CRITICAL,
        passed=False,
        observed=str(shown(why)),
        expected="a verdict",
        evaluated=0,
        failed=None,
        why="What could not be judged is not known to be right.",
    )


def _outcomes(judge: Judge, suite: Suite, expectation: Expectation, result: ExpectationResult) -> list[Outcome]:
    """What became of one expectation: a whole, or the partitions that failed."""
    whole = Outcome(
        stage=suite.stage,
        relation=suite.relation,
        partition=None,
        expectation_id=expectation.id,
        expectation_type=expectation.type,
        severity=_severity(expectation, result.failed, result.evaluated),
        passed=result.passed,
        observed=_observed(result),
        expected=_expected(expectation),
        evaluated=result.evaluated,
        failed=result.failed,
        why=expectation.why,
        failing_rows_sql=result.failing_rows_sql,
    )
    if result.failing_rows_sql is None:
        return [whole]
    rows = judge.failed_rows(suite, expectation, result)
    rows = replace(rows, examples={partition: to_keep(found) for partition, found in rows.examples.items()})
    if rows.partition_by is not None:
        return _by_partition(expectation, whole, rows, rows.partition_by)
    return [_told(replace(whole, example=rows.examples[None]), expectation, rows.examples[None])]


def _severity(expectation: Expectation, failed: int | None, evaluated: int) -> Severity:
    """The expectation's own, unless so many of its rows failed that a warning no longer does."""
    bearable_pct = expectation.critical_above_pct
    if bearable_pct is None or failed is None or failed <= max(_MISTAKES, bearable_pct / 100 * evaluated):
        return expectation.severity
    return Severity.CRITICAL


def _observed(result: ExpectationResult) -> str:
    if result.failed is None:
        seen = seen_to_keep(result.observed, MAX_FAILURES_SHOWN)
        return "nothing to judge" if seen is None else json.dumps(seen, ensure_ascii=False)
    return _rows_failed(result.failed, result.evaluated)


def _rows_failed(failed: int, evaluated: int) -> str:
    if not failed:
        return f"none of {evaluated:,} rows"
    pct = 100 * failed / max(failed, evaluated)  # a query of the suite's own may find rows of another relation
    return (
        f"{failed:,} of {evaluated:,} rows, {pct:.2g} %"
        if pct < _WHOLE_PCT
        else f"{failed:,} of {evaluated:,} rows, {pct:.0f} %"
    )


def _told(whole: Outcome, expectation: Expectation, rows: Rows) -> Outcome:
    """The failure in the suite's own words, where they speak of its only row."""
    if len(rows) != 1 or whole.failed != 1:
        return whole
    values = {**expectation.kwargs, **rows[0]}
    return replace(
        whole,
        observed=_filled(expectation.observed, values) or whole.observed,
        expected=_filled(expectation.expected, values) or whole.expected,
    )


def _filled(text: str | None, values: Mapping[str, Any]) -> str | None:
    """A text with values in it; None without a text, or where one that it names is empty."""
    if text is None:
        return None
    named = {name for _, name, _, _ in Formatter().parse(text) if name}
    if unknown := named - values.keys():
        raise EngineError(f"{', '.join(sorted(unknown))}: meta names what the failing rows do not have")
    if any(values[name] is None for name in named):
        return None
    try:
        return text.format_map(values).replace("%", " %")
    except ValueError:  # a number that might be a phone number has been masked, and is a text now
        return None


def _expected(expectation: Expectation) -> str:
    """The arguments as the suite has them, or what a query of the suite's own comes down to."""
    if expectation.has_own_sql:
        return "not a row"
    return ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in expectation.kwargs.items())


def _by_partition(expectation: Expectation, whole: Outcome, rows: FailedRows, column: str) -> list[Outcome]:
    """The failed outcome as one of each partition, with its own count and share; the first have examples."""
    sql = str(whole.failing_rows_sql)
    outcomes = []
    for partition, failed in rows.failed.items():
        looked_at, example = rows.evaluated.get(partition, whole.evaluated), rows.examples.get(partition, ())
        outcomes.append(
            _told(
                replace(
                    whole,
                    partition=partition,
                    severity=_severity(expectation, failed, looked_at),
                    observed=_rows_failed(failed, looked_at),
                    evaluated=looked_at,
                    failed=failed,
                    failing_rows_sql=f"select * from ({sql}) where {in_partitions(column, [partition])}",
                    unpartitioned_sql=sql,
                    partition_by=column,
                    example=example,
                ),
                expectation,
                example,
            )
        )
    return outcomes
