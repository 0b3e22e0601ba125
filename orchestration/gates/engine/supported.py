"""Which expectations this engine lets through, known without importing Great Expectations.

Each of them is proven by the engine's test matrix: planted defect and clean rows, on a table, a view, a
schema-qualified name and a query, with and without a row condition. One that is not here is refused by
name before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_SUPPORTED = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_kl_divergence_to_be_less_than",
        "expect_column_max_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_most_common_value_to_be_in_set",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_quantile_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_to_exist",
        "expect_column_type_to_be",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_match_like_pattern",
        "expect_column_values_to_match_like_pattern_list",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_be_outliers",
        "expect_column_values_to_not_match_like_pattern",
        "expect_column_values_to_not_match_like_pattern_list",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_compound_columns_to_be_unique",
        "expect_multicolumn_sum_to_equal",
        "expect_multicolumn_values_to_be_equal",
        "expect_select_column_values_to_be_unique_within_record",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
        "expect_table_row_count_to_equal_other_table",
        "unexpected_rows_expectation",
    }
)


# GX forgets the row condition of the first, and the second says it in its own SQL.
_WITHOUT_ROW_CONDITION = frozenset({"expect_column_pair_values_to_be_in_set", "unexpected_rows_expectation"})


# What judges each row by its own values, but for those that compare it with other rows in spite of their name.
_ROW_BY_ROW = tuple(
    f"expect_{prefix}"
    for prefix in (
        "column_pair_values_",
        "column_value_lengths_",
        "column_values_",
        "multicolumn_",
        "select_column_values_",
    )
)
_BY_OTHER_ROWS = frozenset({"expect_column_values_to_be_unique", "expect_column_values_to_not_be_outliers"})


#: Functions of DuckDB whose value is another one each time.
_OF_THE_MOMENT = {
    "current_localtime", "current_localtimestamp", "get_current_time", "get_current_timestamp", "nextval", "now",
    "random", "today", "transaction_timestamp", "uuid", "gen_random_uuid",
}  # fmt: skip


class UnsupportedExpectation(ValueError):
    """An expectation that this engine cannot judge on DuckDB."""


def supported_expectations() -> frozenset[str]:
    """The expectation types that `validate` accepts."""
    return _SUPPORTED


def may_judge_row_by_row(expectation: Mapping[str, Any]) -> bool:
    """Whether a row passes or fails by its own values alone, now and later; a query must be seen to do so.

    `mostly` is a share of all rows.
    """
    kind = expectation["type"]
    if kind == "unexpected_rows_expectation":
        return _selects_row_by_row(expectation["kwargs"].get("unexpected_rows_query", ""))
    return kind.startswith(_ROW_BY_ROW) and kind not in _BY_OTHER_ROWS and "mostly" not in expectation["kwargs"]


def _selects_row_by_row(query: str) -> bool:
    """Whether a query only filters the batch: one relation, read once, each row by a condition on itself.

    What cannot be seen to be so is not: another relation, an aggregate, a window, a limit, the clock, chance.
    """
    import sqlglot  # takes tenths of a second, so only who asks pays
    from sqlglot import exp

    by_more_than_the_row = (
        exp.AggFunc, exp.Window, exp.Join, exp.Group, exp.Having, exp.Qualify, exp.Distinct, exp.Limit, exp.Offset,
        exp.SetOperation, exp.With, exp.UDTF, exp.Lateral, exp.TableSample, exp.CurrentDate, exp.CurrentTime,
        exp.CurrentTimestamp, exp.Rand, exp.Uuid,
    )  # fmt: skip
    try:
        statements = sqlglot.parse(query.format(batch="judged"), dialect="duckdb")
    except (sqlglot.ParseError, sqlglot.TokenError, KeyError, IndexError, ValueError):
        return False
    if len(statements) != 1 or not isinstance(statements[0], exp.Select) or statements[0].find(*by_more_than_the_row):
        return False
    if [(table.db, table.name) for table in statements[0].find_all(exp.Table)] != [("", "judged")]:
        return False
    functions = (function.name.lower() for function in statements[0].find_all(exp.Anonymous))
    selected = (column for select in statements[0].find_all(exp.Select) for column in select.expressions)
    # a function that the parser does not know may be an aggregate, unless it is in a condition
    return not _OF_THE_MOMENT & set(functions) and not any(column.find(exp.Anonymous) for column in selected)


def refuse_unsupported(expectations: Iterable[Mapping[str, Any]]) -> None:
    """Raise `UnsupportedExpectation` that names every expectation which cannot be judged."""
    refused = sorted({problem for expectation in expectations if (problem := _problem(expectation))})
    if refused:
        raise UnsupportedExpectation(
            f"not supported on DuckDB: {', '.join(refused)}; "
            "supported_expectations() lists what is, unexpected_rows_expectation takes any SQL"
        )


def _problem(expectation: Mapping[str, Any]) -> str | None:
    kind = expectation["type"]
    if kind not in _SUPPORTED:
        return str(kind)
    if kind in _WITHOUT_ROW_CONDITION and expectation["kwargs"].get("row_condition") is not None:
        return f"{kind} with a row_condition"
    return None
