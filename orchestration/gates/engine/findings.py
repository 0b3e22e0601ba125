"""What Great Expectations finds in a batch, whichever of its engines answers: import this module only to validate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from great_expectations.core import ExpectationValidationResult
from great_expectations.core.batch import Batch
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.util import convert_to_json_serializable
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator
from sqlalchemy.types import TypeEngine

from orchestration.gates.engine.result import EngineError, ExpectationResult

# Counts without samples: a sample would scan the batch again for every expectation, failed or not.
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


class _QuietValidator(Validator):
    """GX's validator without a data context (hence no telemetry) and without progress bars."""

    def _determine_progress_bars(self) -> bool:
        return False


def findings(
    engine: ExecutionEngine[Any], batch: Batch, source: str, expectations: Sequence[Mapping[str, Any]]
) -> list[ExpectationResult]:
    """A result of each expectation, in their order, without the SQL of failing rows; `source` is named in errors.

    Raises:
        EngineError: if one could not be judged.
    """
    validator = _QuietValidator(execution_engine=engine, batches=[batch])
    configurations = [configuration(expectation) for expectation in expectations]
    found = validator.graph_validate(
        configurations=configurations,
        runtime_configuration={"catch_exceptions": True, "result_format": _COUNTS_ONLY},
    )
    results = {_expectation_id(result): result for result in found}
    for expectation_id, result in results.items():
        _raise_if_broken(source, expectation_id, result)
    counts = _RowCounts(validator, batch.id)
    return [_result(results[str(one.id)], one, counts) for one in configurations]


def _expectation_id(result: ExpectationValidationResult) -> str:
    if result.expectation_config is None:
        raise EngineError("a result of Great Expectations does not say which expectation it belongs to")
    return str(result.expectation_config.id)


def configuration(expectation: Mapping[str, Any]) -> ExpectationConfiguration:
    """An expectation of a suite as GX holds it.

    Raises:
        EngineError: if its arguments are not those of its type.
    """
    kwargs = json.loads(json.dumps(expectation["kwargs"]))  # a copy of its own: GX writes into it
    configured = ExpectationConfiguration(type=expectation["type"], kwargs=kwargs, id=expectation["id"])
    try:
        configured.to_domain_obj()
    except ValueError as error:
        raise EngineError(f"expectation {expectation['id']!r} is not well formed: {error}") from error
    return configured


def row_condition(configured: ExpectationConfiguration) -> dict[str, Any]:
    """What narrows the batch to the rows that are looked at; empty for all of them."""
    names = ("row_condition", "condition_parser")
    return {name: value for name in names if (value := configured.kwargs.get(name)) is not None}


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

    def of(self, configured: ExpectationConfiguration) -> int:
        domain = {"batch_id": self._batch_id, **row_condition(configured)}
        metric = MetricConfiguration("table.row_count", metric_domain_kwargs=domain)
        return int(self._validator.get_metric(metric))


def _result(
    found: ExpectationValidationResult, configured: ExpectationConfiguration, counts: _RowCounts
) -> ExpectationResult:
    values = found.result
    if configured.type == "unexpected_rows_expectation":
        evaluated, failed, observed = counts.of(configured), values["observed_value"], None
    elif "element_count" in values and "unexpected_count" in values:
        evaluated, failed, observed = values["element_count"], values["unexpected_count"], None
    else:
        evaluated, failed, observed = counts.of(configured), None, values.get("observed_value")
    return ExpectationResult(
        expectation_id=str(configured.id),
        expectation_type=configured.type,
        passed=bool(found.success),  # GX 1.24.1 answers for quantiles with numpy's, which JSON refuses
        observed=_plain(observed),
        evaluated=int(evaluated),
        failed=None if failed is None else int(failed),
    )


def _plain(observed: Any) -> Any:
    """What was observed as a JSON value; a column type by its name."""
    if isinstance(observed, TypeEngine):
        return type(observed).__name__
    return convert_to_json_serializable(observed)
