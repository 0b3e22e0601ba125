"""Great Expectations on Spark: what a suite finds in a relation that no single machine should read.

It answers a request of `spark_gates`, in the process that has reached Spark. Nothing here is imported but there:
pyspark is an extra.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from great_expectations.core.batch import Batch
from great_expectations.core.id_dict import IDDict
from great_expectations.execution_engine.sparkdf_batch_data import SparkDFBatchData
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.expectations.registry import get_metric_kwargs
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from orchestration.gates.engine.findings import configuration, findings, row_condition
from orchestration.warehouse.spark_words import NotSparksError, in_sparks_words

#: Types that GX does not judge on Spark, or not as on DuckDB, and why.
NOT_ON_SPARK = {
    **dict.fromkeys(
        ("expect_column_type_to_be", "expect_column_values_to_be_in_type_list", "expect_column_values_to_be_of_type"),
        "its types have other names",
    ),
    **dict.fromkeys(
        (
            "expect_column_values_to_match_like_pattern",
            "expect_column_values_to_match_like_pattern_list",
            "expect_column_values_to_not_match_like_pattern",
            "expect_column_values_to_not_match_like_pattern_list",
        ),
        "Great Expectations has no LIKE for it",
    ),
    "expect_table_row_count_to_equal_other_table": "Great Expectations knows one table there",
}

_PARTITION = "partition_of_the_row"
_IS_REJECTED = "is_rejected"


class SparkEngine(SparkDFExecutionEngine):
    """GX's own engine on a session that is there; queries are a suite's, in DuckDB's words."""

    def __init__(self, session: SparkSession, relation: str) -> None:
        super().__init__(spark=session, persist=False)
        schema, _, name = relation.partition(".")
        self._batch = f'"{schema}"."{name}"'
        data: Any = SparkDFBatchData(self, session.table(f"`{schema}`.`{name}`"))
        identity: Any = IDDict({"source": relation})
        self.batch = Batch(data=data, batch_definition=identity)

    def rows(self, query: str) -> DataFrame:
        """The rows that a query selects, none of which is read yet.

        Raises:
            NotSparksError: if Spark has no words for it.
        """
        said = in_sparks_words(query.format(batch=self._batch))
        try:
            rows: DataFrame = self.spark.sql(said)
            _ = rows.schema  # Connect analyses when it is asked
        except (AnalysisException, ParseException) as error:
            raise NotSparksError(str(error).strip().splitlines()[0]) from error
        return rows

    def rejected(self, configured: ExpectationConfiguration) -> DataFrame:
        """The rows that an expectation rejects, by the very condition by which they were counted."""
        if "unexpected_rows_query" in configured.kwargs:
            return self.rows(configured.kwargs["unexpected_rows_query"])
        expectation: Any = configured.to_domain_obj()
        name = f"{expectation.map_metric}.condition"
        kwargs = get_metric_kwargs(name, configuration=configured, runtime_configuration=None)
        given = {key: value for key, value in kwargs["metric_domain_kwargs"].items() if value is not None}
        metric = MetricConfiguration(
            name,
            metric_domain_kwargs=given | {"batch_id": self.batch.id},
            metric_value_kwargs=kwargs["metric_value_kwargs"],
        )
        calculator = MetricsCalculator(execution_engine=self, show_progress_bars=False)
        condition, domain, _accessor = calculator.get_metric(metric)
        rows = self.get_domain_records(domain).withColumn(_IS_REJECTED, condition)  # which may look at other rows
        return rows.filter(F.col(_IS_REJECTED)).drop(_IS_REJECTED)

    def evaluated(self, configured: ExpectationConfiguration) -> DataFrame:
        """The rows that an expectation looks at."""
        return self.get_domain_records({"batch_id": self.batch.id, **row_condition(configured)})


class _UnexpectedRowsCount(QueryMetricProvider):
    metric_name = "unexpected_rows_query.row_count"
    value_keys = ("unexpected_rows_query",)

    @metric_value(engine=SparkEngine)
    def _spark(cls, execution_engine: SparkEngine, metric_value_kwargs: dict[str, Any], **_: Any) -> int:
        return int(execution_engine.rows(metric_value_kwargs["unexpected_rows_query"]).count())


class _UnexpectedRowsSample(QueryMetricProvider):
    """No sample: it would run the query a second time, and failing rows are asked for only when it failed."""

    metric_name = "unexpected_rows_query.table"
    value_keys = ("unexpected_rows_query",)

    @metric_value(engine=SparkEngine)
    def _spark(cls, **_: Any) -> list[dict[str, Any]]:
        return []


def judge(session: SparkSession, request: Mapping[str, Any], examples: Path) -> dict[str, Any]:
    """Results by expectation, of what failed the counts of its rows, and `refused`: what Spark does not take, and why.

    The first rows of what failed are written below `examples`, one file for each expectation.
    """
    engine = SparkEngine(session, request["relation"])
    refused = dict(_refused(engine, request["expectations"]))
    kept = [expectation for expectation in request["expectations"] if expectation["id"] not in refused]
    results = findings(engine, engine.batch, request["relation"], kept) if kept else []
    failed = {
        result.expectation_id: _failed_rows(engine, configuration(expectation), request, examples)
        for expectation, result in zip(kept, results, strict=True)
        if result.failed and not result.passed
    }
    return {"refused": refused, "results": [asdict(result) for result in results], "failed": failed}


def _refused(engine: SparkEngine, expectations: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for expectation in expectations:
        if why := NOT_ON_SPARK.get(expectation["type"]):
            yield expectation["id"], why
        elif query := expectation["kwargs"].get("unexpected_rows_query"):
            try:
                engine.rows(query)
            except NotSparksError as error:
                yield expectation["id"], str(error)


def _failed_rows(
    engine: SparkEngine, configured: ExpectationConfiguration, request: Mapping[str, Any], examples: Path
) -> dict[str, Any]:
    """Counts by partition, in order, if the rows have the column by which the suite tells them apart."""
    rejected = engine.rejected(configured)
    partition_by, limit = request["partition_by"], request["examples"]
    path = examples / f"{configured.id}.parquet"
    if partition_by not in rejected.columns:
        _write(_numbered(rejected, None).limit(limit), path)
        return {}
    rows = _numbered(rejected, partition_by)
    failed = _counts(rows)
    first = [partition for partition, _ in failed[: request["partitions"]]]
    place = F.row_number().over(Window.partitionBy(_PARTITION).orderBy(F.lit(1)))
    shown = F.col(_PARTITION).isin([name for name in first if name is not None])
    shown = shown | F.col(_PARTITION).isNull() if None in first else shown
    _write(rows.filter(shown).withColumn("place", place).filter(F.col("place") <= limit).drop("place"), path)
    evaluated = engine.evaluated(configured).select(F.col(f"`{partition_by}`").cast("string").alias(_PARTITION))
    return {"failed": failed, "evaluated": _counts(evaluated)}


def _numbered(rows: DataFrame, partition_by: str | None) -> DataFrame:
    """Rows with their partition as a text, then their columns by number: two of a query's may have one name."""
    numbered = rows.toDF(*(f"c{number}" for number in range(len(rows.columns))))
    column = F.lit(None) if partition_by is None else F.col(f"c{rows.columns.index(partition_by)}")
    return numbered.select(column.cast("string").alias(_PARTITION), *numbered.columns)


def _counts(rows: DataFrame) -> list[tuple[str | None, int]]:
    """How many rows each partition has; the one without a name comes last."""
    found = [(row[0], row[1]) for row in rows.groupBy(_PARTITION).count().collect()]
    return sorted(found, key=lambda one: (one[0] is None, one[0] or ""))


def _write(rows: DataFrame, path: Path) -> None:
    pq.write_table(rows.toArrow(), path)
