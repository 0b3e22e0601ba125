"""Suites as data: how layers are put together, what is refused, and a lint of every suite that is shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.gates.engine import may_judge_row_by_row, supported_expectations
from orchestration.gates.suites import SHIPPED, STAGES, Severity, Suite, SuiteError, load_suite, load_suites

NOT_NULL: dict[str, Any] = {
    "id": "filled",
    "type": "expect_column_values_to_not_be_null",
    "kwargs": {"column": "x"},
    "severity": "critical",
    "meta": {"why": "Without it nothing can be said."},
}
ONCE = {"why": "x", "row_by_row": True}
ALL_SHIPPED = [suite for stage in STAGES for suite in load_suites(stage).values()]


def _write(root: Path, *entries: dict[str, Any], stage: str = "raw", relation: str = "ports") -> Path:
    path = root / stage / f"{relation}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": f"{stage}.{relation}", "expectations": entries}), encoding="utf-8")
    return path


def _load(tmp_path: Path) -> Suite:
    return load_suite("raw", "ports", site=tmp_path / "site", shipped=tmp_path / "shipped")


def test_what_holds_for_every_relation_of_a_stage_holds_for_one_without_a_file(tmp_path: Path) -> None:
    _write(tmp_path / "shipped", NOT_NULL, relation="_default")
    assert [expectation.id for expectation in _load(tmp_path).expectations] == ["filled"]
    assert load_suites("raw", shipped=tmp_path / "shipped") == {}


def test_a_relation_without_any_file_has_an_empty_suite(tmp_path: Path) -> None:
    assert _load(tmp_path).expectations == ()


def test_a_site_adds_expectations(tmp_path: Path) -> None:
    _write(tmp_path / "shipped", NOT_NULL)
    _write(tmp_path / "site" / "expectations", NOT_NULL | {"id": "own"})
    assert [expectation.id for expectation in _load(tmp_path).expectations] == ["filled", "own"]


def test_an_override_changes_what_it_mentions_and_keeps_the_rest(tmp_path: Path) -> None:
    _write(tmp_path / "shipped", NOT_NULL)
    _write(
        tmp_path / "site" / "expectations",
        {"id": "filled", "severity": "warning", "kwargs": {"mostly": 0.9}},
    )
    (expectation,) = _load(tmp_path).expectations
    assert expectation.severity is Severity.WARNING
    assert expectation.kwargs == {"column": "x", "mostly": 0.9}
    assert expectation.why == NOT_NULL["meta"]["why"]


def test_an_override_of_the_type_brings_its_own_arguments(tmp_path: Path) -> None:
    _write(tmp_path / "shipped", NOT_NULL | {"kwargs": {"column": "x", "mostly": 0.9}})
    other = {"id": "filled", "type": "expect_column_values_to_be_null", "kwargs": {"column": "y"}}
    _write(tmp_path / "site" / "expectations", other)
    (expectation,) = _load(tmp_path).expectations
    assert expectation.kwargs == {"column": "y"}


def test_a_later_layer_says_what_tells_the_days_apart(tmp_path: Path) -> None:
    path = _write(tmp_path / "shipped", NOT_NULL)
    assert _load(tmp_path).partition_by is None
    path.write_text(json.dumps({"name": "raw.ports", "partition_by": "dt", "expectations": []}), "utf-8")
    _write(tmp_path / "site" / "expectations", NOT_NULL)
    assert _load(tmp_path).partition_by == "dt"


def test_what_is_judged_once_needs_to_know_its_day(tmp_path: Path) -> None:
    path = _write(tmp_path / "shipped", NOT_NULL | {"meta": ONCE})
    with pytest.raises(SuiteError, match="needs 'partition_by'"):
        _load(tmp_path)
    path.write_text(path.read_text("utf-8").replace('"expectations"', '"partition_by": "dt", "expectations"'), "utf-8")
    assert [expectation.row_by_row for expectation in _load(tmp_path).expectations] == [True]


def test_a_site_switches_an_expectation_off(tmp_path: Path) -> None:
    _write(tmp_path / "shipped", NOT_NULL)
    _write(tmp_path / "site" / "expectations", {"id": "filled", "enabled": False})
    assert _load(tmp_path).expectations == ()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"id": "Not Snake"}, "snake_case"),
        ({"kwargs": None}, "'kwargs' must be an object"),
        ({"severity": "fatal"}, "'fatal' is not one of critical, warning, info"),
        ({"meta": {}}, "meta.why"),
        ({"meta": {"why": "x", "critical_above_pct": "many"}}, "must be a share"),
        ({"meta": {"why": "x", "critical_above_pct": 1}}, "critical anyway"),
        ({"meta": {"why": "x", "row_by_row": "yes"}}, "meta.row_by_row must be true or false"),
        ({"meta": {"why": "x", "per": "line_key"}}, "meta.per must be the column by whose value a query takes rows"),
        ({"meta": ONCE, "type": "expect_column_values_to_be_unique"}, "looks at more than the row itself"),
        ({"meta": ONCE, "type": "expect_column_sum_to_be_between"}, "looks at more than the row itself"),
        ({"meta": ONCE, "kwargs": {"column": "x", "mostly": 0.9}}, "looks at more than the row itself"),
        ({"type": "expect_miracles"}, "not supported on DuckDB: expect_miracles"),
        ({"type": "unexpected_rows_expectation", "kwargs": {"row_condition": {}}}, "with a row_condition"),
        ({"expectation_type": "x"}, "unknown field expectation_type"),
        ({"enabled": False}, "no earlier layer has it"),
        ({"enabled": "no"}, "'enabled' must be true or false"),
    ],
)
def test_an_error_names_the_file_and_the_expectation(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    path = _write(tmp_path / "shipped", NOT_NULL | entry)
    with pytest.raises(SuiteError) as caught:
        _load(tmp_path)
    assert str(caught.value).startswith(f"{path}: expectation {(NOT_NULL | entry)['id']!r}")
    assert message in str(caught.value)


def test_a_new_expectation_must_be_complete(tmp_path: Path) -> None:
    _write(tmp_path / "shipped", {"id": "half", "severity": "info"})
    with pytest.raises(SuiteError, match="'half': type, kwargs, meta missing"):
        _load(tmp_path)


def test_an_id_stands_once_in_a_file(tmp_path: Path) -> None:
    _write(tmp_path / "shipped", NOT_NULL, NOT_NULL)
    with pytest.raises(SuiteError, match="'filled' stands twice"):
        _load(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON document"),
        (
            '{"name": "raw.ports", "expectations": [], "expectations": []}',
            "'expectations' is said twice, of 'raw",
        ),
        (
            '{"name": "raw.ports", "expectations": [{"id": "a", "meta": {}, "meta": {}}]}',
            "'meta' is said twice",
        ),
        ("[]", "expected exactly"),
        ('{"name": "raw.ports", "partition_by": 1, "expectations": []}', "must be the name of a column"),
        ('{"name": "raw.other", "expectations": []}', "its place says 'raw.ports'"),
        ('{"name": "raw.ports", "expectations": [1]}', "list of objects"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(tmp_path: Path, text: str, message: str) -> None:
    _write(tmp_path / "shipped").write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError, match=message):
        _load(tmp_path)


def test_a_stage_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SuiteError, match="'bronze' is not one of raw, staging, marts"):
        load_suite("bronze", "ports")


@pytest.mark.parametrize("suite", ALL_SHIPPED, ids=lambda suite: suite.name)
def test_a_shipped_suite_says_why_in_one_sentence_and_never_the_same_twice(suite: Suite) -> None:
    assert suite.expectations
    for expectation in suite.expectations:
        assert expectation.type in supported_expectations()
        assert expectation.why.endswith(".")
        assert "\n" not in expectation.why
        assert len(expectation.why) > 30
    checks = [json.dumps([expectation.type, expectation.kwargs]) for expectation in suite.expectations]
    assert len(set(checks)) == len(checks)


def _row_by_row(query: str) -> bool:
    return may_judge_row_by_row({"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}})


@pytest.mark.parametrize(
    "query",
    [
        "select * from {batch} where n < 0",
        "select * from {batch} as one where cast(one.at_ as date) > one.dt and regexp_matches(one.id, '^[0-9]{{2}}$')",
        "select * from (select *, cast(at_ as date) as on_ from {batch}) where on_ > dt or n is null",
    ],
)
def test_a_query_that_only_filters_the_batch_may_judge_row_by_row(query: str) -> None:
    assert _row_by_row(query)


@pytest.mark.parametrize(
    "query",
    [
        "select * from {batch} where id not in (select id from raw.subscriptions)",
        "select * from {batch} as one where exists (select 1 from {batch} as other where other.id = one.id)",
        "select * from {batch} as one join core.dim_line using (line_key)",
        "select * from {batch} as one, core.dim_line as line where one.id = line.id",
        "select * from {batch} where n > (select avg(n) from {batch})",
        "select id, count(*) from {batch} group by id having count(*) > 1",
        "select * from {batch} qualify row_number() over (partition by id order by dt) > 1",
        "select distinct id from {batch} where n < 0",
        "select * from {batch} where n < 0 limit 1",
        "select * from {batch} union all select * from {batch}",
        "with wrong as (select * from {batch}) select * from wrong",
        "select max(n) from {batch}",
        "select mad(n) from {batch}",
        "select * from {batch} where dt > current_date",
        "select * from {batch} where dt > today()",
        "select * from {batch} where random() < 0.5",
        "select * from raw.payments where n < 0",
        "delete from {batch}",
        "select * from {batch} where",
        "",
    ],
)
def test_a_query_that_may_look_at_more_than_the_row_is_refused_as_row_by_row(query: str) -> None:
    assert not _row_by_row(query)


@pytest.mark.parametrize("suite", ALL_SHIPPED, ids=lambda suite: suite.name)
def test_sql_of_a_shipped_suite_judges_the_batch(suite: Suite) -> None:
    for expectation in suite.expectations:
        assert "{batch}" in expectation.kwargs.get("unexpected_rows_query", "{batch}")


def test_every_stage_has_shipped_suites() -> None:
    assert {suite.stage for suite in ALL_SHIPPED} == {path.name for path in SHIPPED.iterdir()} == set(STAGES)
