"""The SQL that selects the rows which an expectation rejects.

It is built from the metric's own condition, so it names exactly the rows that were counted. GX's
`unexpected_index_query` is not used: it forgets the row condition and is invalid for compound keys.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import get_metric_kwargs
from great_expectations.util import get_sqlalchemy_selectable
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator

from orchestration.gates.engine.execution import DuckDBExecutionEngine, select_all
from orchestration.gates.engine.findings import row_condition
from orchestration.gates.engine.metrics import unexpected_rows_sql

_UNIQUE = ("column_values.unique", "compound_columns.unique")


def evaluated_rows_sql(engine: DuckDBExecutionEngine, batch_id: Any, configuration: ExpectationConfiguration) -> str:
    """`select * …` over the rows that were looked at."""
    domain = {"batch_id": batch_id, **row_condition(configuration)}
    return engine.literal_sql(select_all(engine.get_domain_records(domain_kwargs=domain)))


def failing_rows_sql(
    engine: DuckDBExecutionEngine, batch_id: Any, configuration: ExpectationConfiguration
) -> str | None:
    """`select * …` over the rejected rows; None where no single row is to blame (aggregates, table shape)."""
    expectation = configuration.to_domain_obj()
    if configuration.type == "unexpected_rows_expectation":
        query = configuration.kwargs["unexpected_rows_query"]
        return unexpected_rows_sql(engine, {"batch_id": batch_id}, query)
    map_metric = getattr(expectation, "map_metric", None)
    if not map_metric:
        return None
    condition_name = f"{map_metric}.condition"
    kwargs = get_metric_kwargs(condition_name, configuration=configuration, runtime_configuration=None)
    domain = {name: value for name, value in kwargs["metric_domain_kwargs"].items() if value is not None}
    domain["batch_id"] = batch_id
    source = get_sqlalchemy_selectable(engine.get_domain_records(domain_kwargs=domain))
    if map_metric in _UNIQUE:
        columns = domain.get("column_list") or [domain["column"]]
        return engine.literal_sql(_rows_sharing_a_key(source, columns))
    metric = MetricConfiguration(
        condition_name, metric_domain_kwargs=domain, metric_value_kwargs=kwargs["metric_value_kwargs"]
    )
    calculator = MetricsCalculator(execution_engine=engine, show_progress_bars=False)
    condition, _compute, _accessor = calculator.get_metric(metric)
    return engine.literal_sql(select_all(source).where(condition))


def _rows_sharing_a_key(source: Any, columns: list[str]) -> Any:
    keys: list[sa.ColumnClause[Any]] = [sa.column(column) for column in columns]
    shared = sa.select(*keys).select_from(source).group_by(*keys).having(sa.func.count() > 1)
    # A row value with a null is in no list, so rows without a key are not blamed.
    return select_all(source).where(sa.tuple_(*keys).in_(shared))
