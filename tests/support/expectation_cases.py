"""Every supported expectation, with rows that it holds for and rows of which it rejects some."""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb

# Forty clean rows; `dirty` has the same columns with one defect planted in each, and one row more.
COLUMNS = {
    # name: (clean, dirty)
    "id": ("i", "i % 39"),
    "other_id": ("i", "0"),
    "amount": ("10 + i % 5", "case when i = 7 then 1000 else 10 + i % 5 end"),
    "floor": ("10 + i % 5", "case when i = 7 then -5 else 10 + i % 5 end"),
    "level": ("10 + i % 5", "100 + i % 5"),
    "code": ("'AB-' || (10 + i % 10)", "case when i = 7 then 'broken!' else 'AB-' || (10 + i % 10) end"),
    "kind": ("if(i % 4 = 0, 'y', 'x')", "case when i = 7 then 'q' when i % 4 = 0 then 'x' else 'z' end"),
    "few": ("i % 4", "i"),
    "filled": ("'v'", "case when i = 7 then null else 'v' end"),
    "empty": ("cast(null as varchar)", "case when i = 7 then 'v' end"),
    "a": ("i", "i"),
    "b": ("i", "case when i = 7 then -1 else i end"),
    "above": ("i + 1", "case when i = 7 then 0 else i + 1 end"),
    "share": ("100 - i", "case when i = 7 then 90 else 100 - i end"),
    "u": ("i + 100", "case when i = 7 then 7 else i + 100 end"),
}
TYPED = ("cast(i as bigint)", "cast(i as varchar)")
IN_SET = {"column": "kind", "value_set": ["x", "y"]}
CODE = {"column": "code"}


class Case(NamedTuple):
    """One expectation that holds on the clean rows and fails on the dirty ones; `failed` of them, if rows."""

    type: str
    kwargs: dict[str, Any]
    failed: int | None = None
    takes_condition: bool = True

    def expectation(self, part: str | None = None) -> dict[str, Any]:
        """It as a suite has it, of one part of the mixed world if one is named."""
        condition = {"type": "comparison", "column": {"name": "part"}, "operator": "==", "parameter": part}
        more = {} if part is None else {"row_condition": condition}
        return {"id": self.type, "type": self.type, "kwargs": self.kwargs | more}


CASES = [
    Case("expect_column_distinct_values_to_be_in_set", IN_SET),
    Case("expect_column_distinct_values_to_contain_set", IN_SET),
    Case("expect_column_distinct_values_to_equal_set", IN_SET),
    Case(
        "expect_column_kl_divergence_to_be_less_than",
        {
            "column": "kind",
            "partition_object": {"values": ["x", "y"], "weights": [0.75, 0.25]},
            "threshold": 0.1,
        },
    ),
    Case("expect_column_max_to_be_between", {"column": "amount", "max_value": 20}),
    Case("expect_column_mean_to_be_between", {"column": "amount", "max_value": 20}),
    Case("expect_column_median_to_be_between", {"column": "level", "max_value": 20}),
    Case("expect_column_min_to_be_between", {"column": "floor", "min_value": 0}),
    Case("expect_column_most_common_value_to_be_in_set", IN_SET),
    Case("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "above", "column_B": "a"}, failed=1),
    Case("expect_column_pair_values_to_be_equal", {"column_A": "a", "column_B": "b"}, failed=1),
    Case(
        "expect_column_pair_values_to_be_in_set",
        {
            "column_A": "kind",
            "column_B": "filled",
            "value_pairs_set": [["x", "v"], ["y", "v"], ["z", "v"]],
            "ignore_row_if": "neither",
        },
        failed=1,
        takes_condition=False,
    ),
    Case("expect_column_proportion_of_non_null_values_to_be_between", {"column": "filled", "min_value": 0.99}),
    Case("expect_column_proportion_of_unique_values_to_be_between", {"column": "id", "min_value": 0.99}),
    Case(
        "expect_column_quantile_values_to_be_between",
        {"column": "level", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[10, 15]]}},
    ),
    Case("expect_column_stdev_to_be_between", {"column": "amount", "max_value": 5}),
    Case("expect_column_sum_to_be_between", {"column": "amount", "max_value": 1000}),
    Case("expect_column_to_exist", {"column": "present"}, takes_condition=False),
    Case("expect_column_type_to_be", {"column": "typed", "type_": "BIGINT"}, takes_condition=False),
    Case("expect_column_unique_value_count_to_be_between", {"column": "few", "max_value": 4}),
    Case(
        "expect_column_value_lengths_to_be_between",
        {"column": "code", "min_value": 1, "max_value": 6},
        failed=1,
    ),
    Case("expect_column_value_lengths_to_equal", {"column": "code", "value": 5}, failed=1),
    Case(
        "expect_column_value_z_scores_to_be_less_than",
        {"column": "amount", "threshold": 3, "double_sided": True},
        failed=1,
    ),
    Case("expect_column_values_to_be_between", {"column": "amount", "max_value": 20}, failed=1),
    Case("expect_column_values_to_be_in_set", {"column": "kind", "value_set": ["x", "y", "z"]}, failed=1),
    Case(
        "expect_column_values_to_be_in_type_list",
        {"column": "typed", "type_list": ["BIGINT", "INTEGER"]},
        takes_condition=False,
    ),
    Case("expect_column_values_to_be_null", {"column": "empty"}, failed=1),
    Case("expect_column_values_to_be_of_type", {"column": "typed", "type_": "BIGINT"}, takes_condition=False),
    Case("expect_column_values_to_be_unique", {"column": "id"}, failed=4),
    Case("expect_column_values_to_match_like_pattern", CODE | {"like_pattern": "AB-%"}, failed=1),
    Case("expect_column_values_to_match_like_pattern_list", CODE | {"like_pattern_list": ["AB-%"]}, failed=1),
    Case("expect_column_values_to_match_regex", CODE | {"regex": "^AB-[0-9]{2}$"}, failed=1),
    Case("expect_column_values_to_match_regex_list", CODE | {"regex_list": ["^AB", "^CD"]}, failed=1),
    Case("expect_column_values_to_not_be_in_set", {"column": "kind", "value_set": ["q"]}, failed=1),
    Case("expect_column_values_to_not_be_null", {"column": "filled"}, failed=1),
    Case(
        "expect_column_values_to_not_be_outliers",
        {"column": "amount", "method": "iqr", "multiplier": 3},
        failed=1,
    ),
    Case("expect_column_values_to_not_match_like_pattern", CODE | {"like_pattern": "%!"}, failed=1),
    Case("expect_column_values_to_not_match_like_pattern_list", CODE | {"like_pattern_list": ["%!"]}, failed=1),
    Case("expect_column_values_to_not_match_regex", CODE | {"regex": "!$"}, failed=1),
    Case("expect_column_values_to_not_match_regex_list", CODE | {"regex_list": ["!$"]}, failed=1),
    Case("expect_compound_columns_to_be_unique", {"column_list": ["id", "other_id"]}, failed=4),
    Case("expect_multicolumn_sum_to_equal", {"column_list": ["a", "share"], "sum_total": 100}, failed=1),
    Case("expect_multicolumn_values_to_be_equal", {"column_list": ["a", "b"]}, failed=1),
    Case("expect_select_column_values_to_be_unique_within_record", {"column_list": ["a", "u"]}, failed=1),
    Case("expect_table_column_count_to_be_between", {"max_value": 17}, takes_condition=False),
    Case("expect_table_column_count_to_equal", {"value": 17}, takes_condition=False),
    Case(
        "expect_table_columns_to_match_ordered_list",
        {"column_list": [*COLUMNS, "typed", "present"]},
        takes_condition=False,
    ),
    Case("expect_table_columns_to_match_set", {"column_set": [*COLUMNS, "typed", "present"]}, takes_condition=False),
    Case("expect_table_row_count_to_be_between", {"max_value": 40}),
    Case("expect_table_row_count_to_equal", {"value": 40}),
    Case("expect_table_row_count_to_equal_other_table", {"other_table_name": "wh.forty"}, takes_condition=False),
    Case(
        "unexpected_rows_expectation",
        {"unexpected_rows_query": "select x.* from {batch} as x join {batch} as y on x.a = y.a + 1 where x.b < 0"},
        failed=1,
        takes_condition=False,
    ),
]


def make_worlds(con: duckdb.DuckDBPyConnection) -> None:
    """Schema `wh` with `clean`, `dirty`, both of them as parts of `mixed`, and another table of forty rows."""
    con.execute("create schema wh")
    con.execute("create table wh.forty as from range(40)")
    for number, world in enumerate(("clean", "dirty")):
        con.execute(f"create table wh.{world} as {_select(number)}")
    both = " union all ".join(
        f"select *, '{world}' as part from ({_select(number, typed=False)})"
        for number, world in enumerate(("clean", "dirty"))
    )
    con.execute(f"create table wh.mixed as {both}")


def _select(world: int, *, typed: bool = True) -> str:
    columns = COLUMNS | ({"typed": TYPED} if typed else {})
    extra = (", 1 as present", ", 1 as renamed, 1 as extra")[world] if typed else ""
    items = ", ".join(f"{expression[world]} as {name}" for name, expression in columns.items())
    return f"select {items}{extra} from range({40 + world}) as t(i)"
