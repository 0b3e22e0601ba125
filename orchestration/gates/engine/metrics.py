"""Metrics that DuckDB answers in its own way, instead of Great Expectations' generic SQL.

GX chooses a metric's implementation by the class of the execution engine; defining a provider here for
`DuckDBExecutionEngine` is what registers it. Importing the module twice does nothing more.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.util import get_sqlalchemy_selectable

from orchestration.gates.engine.execution import DuckDBExecutionEngine, select_all

_Column = sa.ColumnElement[Any]
_Condition = sa.ColumnElement[bool]


class _ColumnTypes(TableMetricProvider):
    """Columns by DESCRIBE of the batch itself, so tables, views and queries are all described alike."""

    metric_name = "table.column_types"
    value_keys = ("include_nested",)

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(
        cls, execution_engine: DuckDBExecutionEngine, metric_domain_kwargs: dict[str, Any], **_: Any
    ) -> list[dict[str, Any]]:
        selectable, _compute, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        return execution_engine.column_types(selectable)


# ---- patterns: GX knows no operator for an unknown dialect


class _MatchRegex(ColumnMapMetricProvider):
    condition_metric_name = "column_values.match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: _Column, regex: str, **_: Any) -> _Condition:
        return sa.func.regexp_matches(column, regex)


class _NotMatchRegex(ColumnMapMetricProvider):
    condition_metric_name = "column_values.not_match_regex"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: _Column, regex: str, **_: Any) -> _Condition:
        return sa.not_(sa.func.regexp_matches(column, regex))


class _MatchRegexList(ColumnMapMetricProvider):
    condition_metric_name = "column_values.match_regex_list"
    condition_value_keys = ("regex_list", "match_on")

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: _Column, regex_list: list[str], match_on: str = "any", **_: Any) -> _Condition:
        combine = sa.and_ if match_on == "all" else sa.or_
        return combine(*[sa.func.regexp_matches(column, regex) for regex in regex_list])


class _NotMatchRegexList(ColumnMapMetricProvider):
    condition_metric_name = "column_values.not_match_regex_list"
    condition_value_keys = ("regex_list",)

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: _Column, regex_list: list[str], **_: Any) -> _Condition:
        return sa.not_(sa.or_(*[sa.func.regexp_matches(column, regex) for regex in regex_list]))


class _MatchLike(ColumnMapMetricProvider):
    condition_metric_name = "column_values.match_like_pattern"
    condition_value_keys = ("like_pattern", "escape")

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: _Column, like_pattern: str, escape: str | None = None, **_: Any) -> _Condition:
        return column.like(like_pattern, escape=escape)


class _NotMatchLike(ColumnMapMetricProvider):
    condition_metric_name = "column_values.not_match_like_pattern"
    condition_value_keys = ("like_pattern", "escape")

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: _Column, like_pattern: str, escape: str | None = None, **_: Any) -> _Condition:
        return sa.not_(column.like(like_pattern, escape=escape))


class _MatchLikeList(ColumnMapMetricProvider):
    condition_metric_name = "column_values.match_like_pattern_list"
    condition_value_keys = ("like_pattern_list", "match_on", "escape")

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(
        cls,
        column: _Column,
        like_pattern_list: list[str],
        match_on: str = "any",
        escape: str | None = None,
        **_: Any,
    ) -> _Condition:
        combine = sa.and_ if match_on == "all" else sa.or_
        return combine(*[column.like(pattern, escape=escape) for pattern in like_pattern_list])


class _NotMatchLikeList(ColumnMapMetricProvider):
    condition_metric_name = "column_values.not_match_like_pattern_list"
    condition_value_keys = ("like_pattern_list", "escape")

    @column_condition_partial(engine=DuckDBExecutionEngine)
    def _duckdb(cls, column: _Column, like_pattern_list: list[str], escape: str | None = None, **_: Any) -> _Condition:
        return sa.not_(sa.or_(*[column.like(pattern, escape=escape) for pattern in like_pattern_list]))


# ---- uniqueness: one hash GROUP BY … HAVING instead of a window or a self-join


def _rows_sharing_a_key(engine: DuckDBExecutionEngine, selectable: Any, columns: list[str]) -> int:
    keys: list[sa.ColumnClause[Any]] = [sa.column(column) for column in columns]
    rows = sa.func.count()
    shared = (
        sa.select(rows.label("rows"))
        .select_from(get_sqlalchemy_selectable(selectable))
        .where(sa.and_(*[key.is_not(None) for key in keys]))
        .group_by(*keys)
        .having(rows > 1)
        .subquery()
    )
    return int(engine.execute_query(sa.select(sa.func.coalesce(sa.func.sum(shared.c.rows), 0))).scalar())


class _UniqueCount(MetricProvider):
    metric_name = "column_values.unique.unexpected_count"
    domain_keys = ("batch_id", "table", "column", "row_condition", "condition_parser")

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(cls, execution_engine: DuckDBExecutionEngine, metric_domain_kwargs: dict[str, Any], **_: Any) -> int:
        selectable, _compute, accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, MetricDomainTypes.COLUMN
        )
        return _rows_sharing_a_key(execution_engine, selectable, [accessor["column"]])


class _CompoundUniqueCount(MetricProvider):
    metric_name = "compound_columns.unique.unexpected_count"
    domain_keys = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(cls, execution_engine: DuckDBExecutionEngine, metric_domain_kwargs: dict[str, Any], **_: Any) -> int:
        selectable, _compute, accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, MetricDomainTypes.MULTICOLUMN
        )
        return _rows_sharing_a_key(execution_engine, selectable, accessor["column_list"])


# ---- SQL of a suite's own


def unexpected_rows_sql(engine: DuckDBExecutionEngine, domain_kwargs: dict[str, Any], query: str) -> str:
    """The query with `{batch}` replaced by the batch in parentheses, without an alias of ours.

    GX adds an alias or leaves it out according to whether the query has a JOIN and the batch is a table;
    here the author may always write `from {batch} as p join {batch} as q`, whatever the batch is.
    """
    selectable, _compute, _accessor = engine.get_compute_domain(domain_kwargs, MetricDomainTypes.TABLE)
    batch = engine.literal_sql(select_all(selectable))
    return str(QueryMetricProvider._format_query(query, batch=f"({batch})"))


class _UnexpectedRowsCount(MetricProvider):
    metric_name = "unexpected_rows_query.row_count"
    domain_keys = ("batch_id", "row_condition", "condition_parser")
    value_keys = ("unexpected_rows_query",)

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(
        cls,
        execution_engine: DuckDBExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> int:
        sql = unexpected_rows_sql(execution_engine, metric_domain_kwargs, metric_value_kwargs["unexpected_rows_query"])
        count = sa.text(_escaped(f"select count(*) from ({sql}\n)"))
        return int(execution_engine.execute_query(count).scalar())


class _UnexpectedRowsSample(MetricProvider):
    """No sample: it would run the query a second time, and failing rows are asked for only when it failed."""

    metric_name = "unexpected_rows_query.table"
    domain_keys = ("batch_id", "row_condition", "condition_parser")
    value_keys = ("unexpected_rows_query",)

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(cls, **_: Any) -> list[dict[str, Any]]:
        return []


def _escaped(sql: str) -> str:
    """SQL for `sa.text`, which would take `:name` for a parameter."""
    return sql.replace(":", r"\:")
