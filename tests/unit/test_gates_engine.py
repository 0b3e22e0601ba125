"""Every supported expectation on DuckDB: planted defect and clean rows, on every kind of batch."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any, NamedTuple

import duckdb
import pytest

from orchestration.gates.engine import (
    EngineError,
    ExpectationResult,
    UnsupportedExpectation,
    supported_expectations,
    validate,
)

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
BATCHES = {
    "table": "{world}",
    "view": "{world}_view",
    "schema-qualified": "wh.{world}",
    "query": "select * from wh.{world} where a >= 0 -- a comment at the end",
}


def _select(world: int, *, typed: bool = True) -> str:
    columns = COLUMNS | ({"typed": TYPED} if typed else {})
    extra = (", 1 as present", ", 1 as renamed, 1 as extra")[world] if typed else ""
    items = ", ".join(f"{expression[world]} as {name}" for name, expression in columns.items())
    return f"select {items}{extra} from range({40 + world}) as t(i)"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    con.execute("create schema wh")
    con.execute("create table wh.forty as from range(40)")
    for number, world in enumerate(("clean", "dirty")):
        con.execute(f"create table {world} as {_select(number)}")
        con.execute(f"create temp view {world}_view as from {world}")
        con.execute(f"create table wh.{world} as {_select(number)}")
    both = " union all ".join(
        f"select *, '{world}' as part from ({_select(number, typed=False)})"
        for number, world in enumerate(("clean", "dirty"))
    )
    for name in ("mixed", "wh.mixed"):
        con.execute(f"create table {name} as {both}")
    con.execute("create temp view mixed_view as from mixed")
    yield con
    con.close()


@cache
def _results(con: duckdb.DuckDBPyConnection, batch: str, condition: str | None) -> dict[str, ExpectationResult]:
    """All cases against one batch in one validation, with a row condition on `part` if one is given."""
    cases = [case for case in CASES if condition is None or case.takes_condition]
    row_condition = {
        "type": "comparison",
        "column": {"name": "part"},
        "operator": "==",
        "parameter": condition,
    }
    extra = {} if condition is None else {"row_condition": row_condition}
    expectations = [{"id": case.type, "type": case.type, "kwargs": case.kwargs | extra} for case in cases]
    return {result.expectation_id: result for result in validate(con, batch, expectations)}


def _assert_both_verdicts(
    con: duckdb.DuckDBPyConnection, case: Case, clean: ExpectationResult, dirty: ExpectationResult
) -> None:
    assert clean.passed, clean
    assert clean.failing_rows_sql is None
    assert clean.evaluated == 40
    assert not dirty.passed, dirty
    assert dirty.failed == case.failed
    assert dirty.evaluated == 41
    if case.failed is None:
        assert dirty.failing_rows_sql is None
    else:
        assert len(con.execute(str(dirty.failing_rows_sql)).fetchall()) == case.failed
    assert json.loads(json.dumps([asdict(clean), asdict(dirty)]))


# What is judged by the columns alone: one world has them, the other has not.
SHAPE_CASES = [case for case in CASES if case.kwargs.get("column") == "typed"]


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("case", [c for c in CASES if c not in SHAPE_CASES], ids=lambda case: case.type)
def test_an_expectation_passes_clean_rows_and_rejects_the_planted_defect(
    con: duckdb.DuckDBPyConnection, case: Case, batch: str
) -> None:
    clean = _results(con, BATCHES[batch].format(world="clean"), None)[case.type]
    dirty = _results(con, BATCHES[batch].format(world="dirty"), None)[case.type]
    _assert_both_verdicts(con, case, clean, dirty)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("case", SHAPE_CASES, ids=lambda case: case.type)
def test_an_expectation_of_a_column_tells_its_type_from_another(
    con: duckdb.DuckDBPyConnection, case: Case, batch: str
) -> None:
    clean = _results(con, BATCHES[batch].format(world="clean"), None)[case.type]
    dirty = _results(con, BATCHES[batch].format(world="dirty"), None)[case.type]
    assert clean.passed
    assert not dirty.passed
    assert dirty.observed == "VARCHAR"


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("case", [c for c in CASES if c.takes_condition], ids=lambda case: case.type)
def test_a_row_condition_selects_the_rows_that_are_judged_and_named(
    con: duckdb.DuckDBPyConnection, case: Case, batch: str
) -> None:
    source = BATCHES[batch].format(world="mixed")
    clean, dirty = (_results(con, source, world)[case.type] for world in ("clean", "dirty"))
    _assert_both_verdicts(con, case, clean, dirty)


def test_the_matrix_covers_every_supported_expectation() -> None:
    assert {case.type for case in CASES} == supported_expectations()


def test_an_unsupported_expectation_is_refused_by_name_before_anything_runs(
    con: duckdb.DuckDBPyConnection,
) -> None:
    condition = {"type": "nullity", "column": {"name": "id"}, "is_null": False}
    refused = [
        {"id": "w", "type": "unexpected_rows_expectation", "kwargs": {"row_condition": condition}},
        {"id": "x", "type": "expect_column_values_to_be_increasing", "kwargs": {"column": "id"}},
        {"id": "y", "type": "expect_the_unexpected", "kwargs": {}},
    ]
    with pytest.raises(UnsupportedExpectation, match=r"increasing, expect_the_.* with a row_condition"):
        validate(con, "no_such_relation", refused)


@pytest.mark.parametrize(
    ("batch", "kwargs", "message"),
    [
        ("nowhere.nothing", {"column": "id"}, "nothing.*does not exist"),
        ("select * frm clean", {"column": "id"}, "syntax error"),
        ("clean", {"column": "nothing"}, '"nothing".*does not exist'),
        ("clean", {"colum": "id"}, "'x' is not well formed"),
        ("select 1 / 0 as id, error('disk gone') as b", {"column": "b"}, "disk gone"),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_not_a_failed_check(
    con: duckdb.DuckDBPyConnection, batch: str, kwargs: dict[str, Any], message: str
) -> None:
    expectation = {"id": "x", "type": "expect_column_values_to_not_be_null", "kwargs": kwargs}
    with pytest.raises(EngineError, match=f"(?s){message}"):
        validate(con, batch, [expectation])


def test_uncommitted_rows_are_seen_and_the_transaction_stays_the_callers() -> None:
    con = duckdb.connect()
    con.execute("create table t (x integer)")
    con.execute("begin")
    con.execute("insert into t values (1)")
    rows = {"id": "rows", "type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}}
    assert validate(con, "t", [rows])[0].passed
    con.execute("rollback")
    assert con.execute("select count(*) from t").fetchone() == (0,)


def test_a_view_whose_columns_change_is_described_anew() -> None:
    con = duckdb.connect()
    exists = {"id": "x", "type": "expect_column_to_exist", "kwargs": {"column": "late"}}
    con.execute("create view v as select 1 as early")
    assert not validate(con, "v", [exists])[0].passed
    con.execute("create or replace view v as select 1 as late")
    assert validate(con, "v", [exists])[0].passed


def test_names_that_need_quotes_are_quoted() -> None:
    con = duckdb.connect()
    con.execute('create schema "odd schema"; create table "odd schema"."select" as select 1 as x')
    unique = {"id": "x", "type": "expect_column_values_to_be_unique", "kwargs": {"column": "x"}}
    assert validate(con, '"odd schema"."select"', [unique])[0].evaluated == 1


def test_colons_and_braces_in_a_suites_own_sql_are_taken_as_written() -> None:
    con = duckdb.connect()
    con.execute("create table t as select '12:30' as clock")
    sql = "select * from {batch} where clock::varchar like '%:31' or regexp_matches(clock, '^[0-9]{{3}}:')"
    own = {"id": "x", "type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": sql}}
    assert validate(con, "t", [own])[0].passed


def test_a_validation_prints_nothing_and_opens_no_connection(
    con: duckdb.DuckDBPyConnection, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was opened"))
    unique = {"id": "x", "type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}}
    assert validate(con, "clean", [unique])[0].passed
    assert capfd.readouterr() == ("", "")


def test_importing_the_engine_does_not_import_great_expectations() -> None:
    script = "import sys, orchestration.gates.gate; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
