"""The part of a validation that needs Great Expectations: import this module only to validate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
from great_expectations.core import ExpectationValidationResult
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.util import convert_to_json_serializable
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

from orchestration.gates.engine import metrics  # noqa: F401  (registers DuckDB's own metrics)
from orchestration.gates.engine.execution import DuckDBExecutionEngine
from orchestration.gates.engine.failing_rows import evaluated_rows_sql, failing_rows_sql, row_condition
from orchestration.gates.engine.result import EngineError, ExpectationResult

# Counts without samples: a sample would scan the batch again for every expectation, failed or not.
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


class _QuietValidator(Validator):
    """GX's validator without a data context (hence no telemetry) and without progress bars."""

    def _determine_progress_bars(self) -> bool:
        return False


def run(
    con: duckdb.DuckDBPyConnection, relation_or_query: str, expectations: Sequence[Mapping[str, Any]]
) -> list[ExpectationResult]:
    """See `orchestration.gates.engine.validate`."""
    try:
        return _run(con, relation_or_query, expectations)
    except (GreatExpectationsError, SQLAlchemyError, duckdb.Error) as error:
        raise EngineError(f"{relation_or_query}: {error}") from error


def _run(
    con: duckdb.DuckDBPyConnection, relation_or_query: str, expectations: Sequence[Mapping[str, Any]]
) -> list[ExpectationResult]:
    engine = DuckDBExecutionEngine(con)
    validator = _QuietValidator(execution_engine=engine, batches=[engine.batch(relation_or_query)])
    batch_id = validator.active_batch_id
    configurations = [_configuration(expectation) for expectation in expectations]
    found = validator.graph_validate(
        configurations=configurations,
        runtime_configuration={"catch_exceptions": True, "result_format": _COUNTS_ONLY},
    )
    results = {_expectation_id(result): result for result in found}
    for expectation_id, result in results.items():
        _raise_if_broken(relation_or_query, expectation_id, result)
    counts = _RowCounts(validator, batch_id)
    return [
        _result(engine, batch_id, results[str(configuration.id)], configuration, counts)
        for configuration in configurations
    ]


def _expectation_id(result: ExpectationValidationResult) -> str:
    if result.expectation_config is None:
        raise EngineError("a result of Great Expectations does not say which expectation it belongs to")
    return str(result.expectation_config.id)


def _configuration(expectation: Mapping[str, Any]) -> ExpectationConfiguration:
    kwargs = json.loads(json.dumps(expectation["kwargs"]))  # a copy of its own: GX writes into it
    configuration = ExpectationConfiguration(type=expectation["type"], kwargs=kwargs, id=expectation["id"])
    try:
        configuration.to_domain_obj()
    except ValueError as error:
        raise EngineError(f"expectation {expectation['id']!r} is not well formed: {error}") from error
    return configuration


def _raise_if_broken(source: str, expectation_id: str, result: ExpectationValidationResult) -> None:
    """GX reports an exception as a failed check; here it is raised, with the expectation it belongs to."""
    messages = _exception_messages(result.exception_info)
    if messages:
        raise EngineError(f"{source}: expectation {expectation_id!r} cannot be judged: {'; '.join(messages)}")


def _exception_messages(info: Any) -> list[str]:
    """Messages of GX's exception info, which is nested by metric or flat."""
    if not isinstance(info, Mapping):
        return []
    if info.get("raised_exception"):
        return [str(info["exception_message"])]
    return sorted({message for value in info.values() for message in _exception_messages(value)})


class _RowCounts:
    """Rows of the batch, per row condition: what an aggregate or a query looked at."""

    def __init__(self, validator: Validator, batch_id: Any) -> None:
        self._validator = validator
        self._batch_id = batch_id

    def of(self, configuration: ExpectationConfiguration) -> int:
        domain = {"batch_id": self._batch_id, **row_condition(configuration)}
        metric = MetricConfiguration("table.row_count", metric_domain_kwargs=domain)
        return int(self._validator.get_metric(metric))


def _result(
    engine: DuckDBExecutionEngine,
    batch_id: Any,
    found: ExpectationValidationResult,
    configuration: ExpectationConfiguration,
    counts: _RowCounts,
) -> ExpectationResult:
    passed = bool(found.success)  # GX 1.24.1 answers for quantiles with numpy's, which JSON refuses
    values = found.result
    if configuration.type == "unexpected_rows_expectation":
        evaluated, failed, observed = counts.of(configuration), values["observed_value"], None
    elif "element_count" in values and "unexpected_count" in values:
        evaluated, failed, observed = values["element_count"], values["unexpected_count"], None
    else:
        evaluated, failed, observed = counts.of(configuration), None, values.get("observed_value")
    are_rows_to_blame = not passed and failed is not None
    return ExpectationResult(
        expectation_id=str(configuration.id),
        expectation_type=configuration.type,
        passed=passed,
        observed=_plain(observed),
        evaluated=int(evaluated),
        failed=None if failed is None else int(failed),
        failing_rows_sql=failing_rows_sql(engine, batch_id, configuration) if are_rows_to_blame else None,
        evaluated_rows_sql=evaluated_rows_sql(engine, batch_id, configuration) if are_rows_to_blame else None,
    )


def _plain(observed: Any) -> Any:
    """What was observed as a JSON value; a column type by its name."""
    if isinstance(observed, TypeEngine):
        return type(observed).__name__
    return convert_to_json_serializable(observed)
