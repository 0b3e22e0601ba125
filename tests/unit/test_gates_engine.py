"""Every supported expectation on DuckDB: planted defect and clean rows, on every kind of batch."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any

import duckdb
import pytest

from orchestration.gates.engine import (
    EngineError,
    ExpectationResult,
    UnsupportedExpectation,
    supported_expectations,
    validate,
)
from tests.support.expectation_cases import CASES, Case, make_worlds

BATCHES = {
    "table": "{world}",
    "view": "{world}_view",
    "schema-qualified": "wh.{world}",
    "query": "select * from wh.{world} where a >= 0 -- a comment at the end",
}


def test_too_little_memory_is_the_machines_error_and_no_verdict() -> None:
    with duckdb.connect(config={"memory_limit": "30MB", "temp_directory": ""}) as con:
        con.execute("create view wide as select range as id, repeat('x', 50) || range as text from range(3000000)")
        one = {"id": "unique", "type": "expect_column_values_to_be_unique", "kwargs": {"column": "text"}}
        with pytest.raises(duckdb.OutOfMemoryException):
            validate(con, "wide", [one])


class _Stale:
    """A connection that lost the folder of its views before it could look at their columns."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def execute(self, sql: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        if sql.startswith("describe"):
            raise duckdb.IOException('IO Error: Could not read from file "part.parquet": Stale file handle')
        return self._con.execute(sql, parameters)


def test_a_disk_that_is_lost_before_the_columns_are_known_is_the_machines_error_and_no_verdict() -> None:
    one = {"id": "there", "type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}}
    with duckdb.connect() as con:
        con.execute("create table lines as select 1 as id")
        with pytest.raises(duckdb.IOException):
            validate(_Stale(con), "lines", [one])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect()
    make_worlds(con)
    for world in ("clean", "dirty", "mixed"):
        con.execute(f"create table {world} as from wh.{world}")
        con.execute(f"create temp view {world}_view as from {world}")
    yield con
    con.close()


@cache
def _results(con: duckdb.DuckDBPyConnection, batch: str, condition: str | None) -> dict[str, ExpectationResult]:
    """All cases against one batch in one validation, with a row condition on `part` if one is given."""
    cases = [case for case in CASES if condition is None or case.takes_condition]
    expectations = [case.expectation(condition) for case in cases]
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
