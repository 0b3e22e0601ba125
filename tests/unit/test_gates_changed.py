"""A gate judges again what has changed since it passed, and what failed; nothing bad is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.gates import changed
from orchestration.gates.changed import Touched, check_changed
from orchestration.gates.outcome import Outcome, is_closed
from orchestration.gates.suites import Expectation, Severity, Suite

POSITIVE = Expectation(
    "positive", "expect_column_values_to_be_between", {"column": "n", "min_value": 0},
    Severity.WARNING, "A count.", row_by_row=True,
)  # fmt: skip
TOTAL = Expectation("total", "expect_column_sum_to_be_between", {"column": "n"}, Severity.CRITICAL, "About all rows.")
SUITE = Suite("marts", "ports", (POSITIVE, TOTAL), "dt")
#: A number's ports never count less than the day before: told from the rows of one `i` together.
NEVER_FALLS = Expectation(
    "never_falls", "unexpected_rows_expectation",
    {"unexpected_rows_query": "select * from {batch} qualify n < lag(n) over (partition by i order by dt nulls last)"},
    Severity.WARNING, "A sum.", per="i",
)  # fmt: skip
TOGETHER = replace(SUITE, expectations=(NEVER_FALLS, POSITIVE))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three days of ten rows that are right, the third in no day."""
    with duckdb.connect() as con:
        con.execute(
            "create table ports as select if(day < 3, date '2026-01-01' + day::int, null) as dt, i, 1 as n "
            "from range(1, 4) as days(day), range(10) as t(i)"
        )
        yield con


def _judge(con: duckdb.DuckDBPyConnection, settings: Settings, suite: Suite = SUITE) -> tuple[Outcome, ...]:
    return tuple(check_changed(con, settings, suite, "ports"))


def test_only_what_has_changed_since_it_passed_is_judged_row_by_row(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    first, total = _judge(con, settings)
    assert (first.evaluated, total.evaluated) == (30, 30)
    con.execute("update ports set n = 2 where dt = '2026-01-03' and i = 0")
    again, total = _judge(con, settings)
    assert again.observed == "none of 20 rows in 2 of 3 partitions; the others are as they passed"
    assert total.evaluated == 30


@pytest.mark.parametrize("change", ["insert into ports values ('2026-01-02', 11, 1)", "delete from ports where i = 3"])
def test_rows_that_came_or_went_are_a_change(con: duckdb.DuckDBPyConnection, settings: Settings, change: str) -> None:
    _judge(con, settings)
    con.execute(change)
    again, _ = _judge(con, settings)
    assert again.evaluated > 10


def test_what_failed_fails_in_every_run_until_it_is_mended(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    con.execute("update ports set n = -1 where dt = '2026-01-02' and i = 0")
    for _ in range(2):
        failure, _ = _judge(con, settings)
        assert (failure.partition, failure.observed) == ("2026-01-02", "1 of 10 rows, 10 %")
    con.execute("update ports set n = 1")
    assert all(outcome.passed for outcome in _judge(con, settings))


def test_the_order_of_rows_and_a_relation_built_anew_are_no_change(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _judge(con, settings)
    con.execute("create or replace table ports as from ports where dt is not null order by i desc")
    again, _ = _judge(con, settings)
    assert again.evaluated == 0


def test_where_all_but_the_touched_rows_have_passed_their_partitions_are_judged_and_the_others_not_read(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _judge(con, settings)
    con.execute("update ports set n = -1 where dt = '2026-01-02' and i = 0")
    failure, total = check_changed(con, settings, SUITE, "ports", Touched("i = 0 and dt = '2026-01-02'"))
    assert (failure.partition, failure.observed, total.evaluated) == ("2026-01-02", "1 of 10 rows, 10 %", 30)
    first, _ = _judge(con, settings)
    assert first.failed == 1, "the seal was of other rows"


def test_touched_rows_say_nothing_to_a_suite_that_has_never_judged_the_others(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    first, _ = check_changed(con, settings, SUITE, "ports", Touched("i = 0 and dt = '2026-01-02'"))
    assert first.evaluated == 30
    stricter = replace(SUITE, expectations=(replace(POSITIVE, kwargs={"column": "n", "min_value": 2}), TOTAL))
    failures = check_changed(con, settings, stricter, "ports", Touched("i = 0 and dt = '2026-01-02'"))[:-1]
    assert sum(failure.failed or 0 for failure in failures) == 30


def test_rows_that_are_taken_together_are_held_against_those_of_the_touched_ones_alone(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _judge(con, settings, TOGETHER)
    con.execute("update ports set n = 2 where dt = '2026-01-03' and i = 4")
    con.execute("update ports set n = 2 where dt is null and i = 4")
    passing, _ = check_changed(con, settings, TOGETHER, "ports", Touched("i = 4 and dt = '2026-01-03'"))
    assert passing.observed == "none of 3 rows whose i has changed; the others are as they passed"


def test_a_row_is_wrong_by_one_that_was_touched_and_then_all_are_looked_at(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _judge(con, settings, TOGETHER)
    con.execute("update ports set n = 2 where dt = '2026-01-02' and i = 4")
    whole, *_ = check_changed(con, settings, TOGETHER, "ports")
    touched, *_ = check_changed(con, settings, TOGETHER, "ports", Touched("i = 4 and dt = '2026-01-02'"))
    assert (touched.partition, touched.observed) == ("2026-01-03", "1 of 10 rows, 10 %")
    assert touched == whole


def test_what_failed_when_all_were_looked_at_is_held_against_all_again(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    con.execute("update ports set n = 2 where dt = '2026-01-02' and i = 4")
    failed, *_ = _judge(con, settings, TOGETHER)
    assert not failed.passed
    touched = Touched("i = 5 and dt = '2026-01-02'", frozenset({"never_falls"}))
    again, *_ = check_changed(con, settings, TOGETHER, "ports", touched)
    assert not again.passed


def test_another_suite_judges_everything(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    _judge(con, settings)
    stricter = replace(SUITE, expectations=(replace(POSITIVE, kwargs={"column": "n", "min_value": 2}), TOTAL))
    failures = _judge(con, settings, stricter)[:-1]
    assert sum(failure.failed or 0 for failure in failures) == 30


def test_a_run_that_is_killed_before_it_has_judged_leaves_everything_to_judge(
    con: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _judge(con, settings)
    con.execute("update ports set n = -1 where i < 5")
    with monkeypatch.context() as killed:
        killed.setattr(changed, "check_relation", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _judge(con, settings)
    assert [outcome.failed for outcome in _judge(con, settings)[:-1]] == [5, 5, 5]


def test_what_cannot_be_judged_closes_the_gate_and_forgets_nothing(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    _judge(con, settings)
    for broken in (replace(SUITE, partition_by="day"), replace(SUITE, expectations=(POSITIVE, _on_nothing()))):
        (outcome,) = _judge(con, settings, broken)
        assert outcome.expectation_id == "can_be_judged"
        assert is_closed([outcome])
    assert _judge(con, settings)[0].evaluated == 10


def _on_nothing() -> Expectation:
    return replace(TOTAL, id="elsewhere", kwargs={"column": "nothing"})
