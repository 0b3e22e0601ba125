"""One relation judged: verdict, partitions, failing rows, and how Dagster shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.gates import shown_rows
from orchestration.gates.asset_checks import asset_check_result, asset_check_specs, said_of_day
from orchestration.gates.gate import check_relation
from orchestration.gates.outcome import is_closed
from orchestration.gates.suites import Expectation, Severity, Suite, load_suite
from tests.support.feeds import FEEDS

KEY = dg.AssetKey(["churn", "ports"])
PAGE = "http://127.0.0.1:3001/gates.html"
POSITIVE = Expectation(
    "positive", "expect_column_values_to_be_between", {"column": "n", "min_value": 0},
    Severity.CRITICAL, "Nobody leaves a negative number of times.",
)  # fmt: skip
FEW = Expectation(
    "few", "expect_table_row_count_to_be_between", {"max_value": 3}, Severity.WARNING, "Four would be many."
)
OWN_SQL = Expectation(
    "own", "unexpected_rows_expectation",
    {"unexpected_rows_query": "select dt, count(*) as rows from {batch} where n < 0 group by dt"},
    Severity.CRITICAL, "Written by hand.",
)  # fmt: skip


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Thirty days of ten rows; n is negative in three rows of the 5th and one of the 7th."""
    con = duckdb.connect()
    con.execute("""
        create schema churn;
        create table churn.ports as
        select
            day * 10 + i as id,
            date '2026-01-01' + day::int as dt,
            case when (day = 4 and i < 3) or (day = 6 and i = 0) then -1 else 1 end as n,
            'P' || lpad((day * 10 + i)::varchar, 12, '0') as port_id,
            '010-1234-56' || lpad((day + i)::varchar, 2, '0') as said,
            821012345678 + i as dialled,
            'c0ffee00-0000-4000-8000-000000000000'::uuid as number_key,
            timestamptz '2026-01-01 09:00:00+09' as requested_at
        from range(30) as days(day), range(10) as rows(i)
    """)
    yield con
    con.close()


def _suite(*expectations: Expectation, partition_by: str | None = None) -> Suite:
    return Suite("marts", "ports", expectations, partition_by)


def test_a_gate_is_open_when_everything_holds(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from churn.ports where n < 0")
    (outcome,) = check_relation(con, _suite(POSITIVE), relation="churn.ports")
    assert outcome.passed
    assert outcome.observed == "none of 296 rows"
    assert not is_closed([outcome])


def test_a_critical_failure_closes_the_gate_and_a_warning_does_not(con: duckdb.DuckDBPyConnection) -> None:
    assert is_closed(check_relation(con, _suite(POSITIVE), relation="churn.ports"))
    warned = check_relation(con, _suite(FEW), relation="churn.ports")
    assert not warned[0].passed
    assert not is_closed(warned)


@pytest.mark.parametrize(("bearable_pct", "closed"), [(2, False), (1, True)])
def test_a_warning_closes_the_gate_once_too_many_rows_fail(
    con: duckdb.DuckDBPyConnection, bearable_pct: float, closed: bool
) -> None:
    lenient = replace(POSITIVE, severity=Severity.WARNING, critical_above_pct=bearable_pct)
    assert is_closed(check_relation(con, _suite(lenient), relation="churn.ports")) == closed


def test_a_gate_without_expectations_is_open(con: duckdb.DuckDBPyConnection) -> None:
    assert check_relation(con, _suite(), relation="churn.ports") == []


@pytest.mark.parametrize("expectation", [POSITIVE, OWN_SQL], ids=lambda expectation: expectation.id)
def test_a_failure_is_attributed_to_the_partitions_that_failed_each_with_its_own_rows(
    con: duckdb.DuckDBPyConnection, expectation: Expectation
) -> None:
    outcomes = check_relation(con, _suite(expectation, partition_by="dt"), relation="churn.ports")
    assert [outcome.partition for outcome in outcomes] == ["2026-01-05", "2026-01-07"]
    assert is_closed(outcomes, partition="2026-01-05")
    assert not is_closed(outcomes, partition="2026-01-06")
    for outcome in outcomes:
        rows = con.execute(str(outcome.failing_rows_sql)).fetchall()
        assert len(rows) == len(outcome.example) == outcome.failed
        assert outcome.evaluated == 10


@pytest.mark.parametrize(("wrong_rows", "closed"), [(3, False), (4, True)])
def test_a_share_is_one_of_the_partition_and_a_few_rows_are_mistakes(
    con: duckdb.DuckDBPyConnection, wrong_rows: int, closed: bool
) -> None:
    con.execute(f"update churn.ports set n = if(dt = '2026-01-05' and id % 10 < {wrong_rows}, -1, 1)")
    lenient = replace(POSITIVE, severity=Severity.WARNING, critical_above_pct=30)
    (outcome,) = check_relation(con, _suite(lenient, partition_by="dt"), relation="churn.ports")
    assert outcome.observed == f"{wrong_rows} of 10 rows, {wrong_rows * 10} %"
    assert is_closed([outcome]) == closed
    assert not is_closed(check_relation(con, _suite(lenient), relation="churn.ports"))


def test_a_share_is_one_of_the_rows_that_the_condition_selects(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update churn.ports set n = if(dt = '2026-01-05' and id % 10 < 4, -1, 1)")
    condition = {"type": "comparison", "column": {"name": "id"}, "operator": "<", "parameter": 46}
    some = replace(POSITIVE, kwargs={**POSITIVE.kwargs, "row_condition": condition})
    (outcome,) = check_relation(con, _suite(some, partition_by="dt"), relation="churn.ports")
    assert (outcome.partition, outcome.observed) == ("2026-01-05", "4 of 6 rows, 67 %")


def test_each_partition_carries_what_the_gate_said_of_it(con: duckdb.DuckDBPyConnection) -> None:
    outcomes = check_relation(con, _suite(POSITIVE, partition_by="dt"), relation="churn.ports")
    assert said_of_day(outcomes, "2026-01-05") == "closed: positive (critical) failed"
    assert said_of_day(outcomes, "2026-01-06") == "open"


def test_an_aggregate_concerns_every_partition(con: duckdb.DuckDBPyConnection) -> None:
    total = Expectation(
        "sum", "expect_column_sum_to_be_between", {"column": "n", "max_value": 5}, Severity.CRITICAL, "x"
    )
    (outcome,) = check_relation(con, _suite(total, partition_by="dt"), relation="churn.ports")
    assert (outcome.partition, outcome.observed, outcome.failed) == (None, "292", None)
    assert is_closed([outcome], partition="2026-01-06")


def test_rows_without_a_partition_are_a_partition_of_their_own(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update churn.ports set dt = null where n < 0")
    (outcome,) = check_relation(con, _suite(POSITIVE, partition_by="dt"), relation="churn.ports")
    assert (outcome.partition, outcome.failed) == (None, 4)
    assert len(con.execute(str(outcome.failing_rows_sql)).fetchall()) == 4


@pytest.mark.parametrize("expectation", [POSITIVE, OWN_SQL], ids=lambda expectation: expectation.id)
def test_the_rows_of_all_partitions_that_failed_are_read_at_once(
    con: duckdb.DuckDBPyConnection, expectation: Expectation
) -> None:
    con.execute("update churn.ports set dt = null where id = 60")
    outcomes = check_relation(con, _suite(expectation, partition_by="dt"), relation="churn.ports")
    by_one_query = _CountingConnection(con)
    rows = shown_rows.failing_rows(by_one_query, outcomes, 2)  # type: ignore[arg-type]
    assert by_one_query.queries == 1
    assert {outcome.partition: len(of_it) for outcome, of_it in zip(outcomes, rows, strict=True)} == {
        "2026-01-05": min(2, outcomes[0].failed or 0),
        None: 1,
    }
    kept = [shown_rows.to_keep(of_it) for of_it in rows]
    assert all(row in outcome.example for outcome, of_it in zip(outcomes, kept, strict=True) for row in of_it)


class _CountingConnection:
    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con, self.queries = con, 0

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        self.queries += 1
        return self._con.execute(sql)


def test_at_most_five_failing_rows_are_shown_and_none_of_a_passed_expectation(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("update churn.ports set n = -1")
    (outcome,) = check_relation(con, _suite(POSITIVE), relation="churn.ports")
    assert (outcome.failed, len(outcome.example)) == (300, 5)
    con.execute("update churn.ports set n = 1")
    (outcome,) = check_relation(con, _suite(POSITIVE), relation="churn.ports")
    assert (outcome.failing_rows_sql, outcome.example) == (None, ())


def test_what_could_be_a_phone_number_is_masked_and_so_are_pseudonyms_but_not_other_keys_and_times(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("update churn.ports set n = if(id = 60, -1, 1)")
    outcomes = check_relation(con, _suite(POSITIVE, partition_by="dt"), relation="churn.ports")
    row = outcomes[0].example[0]
    assert row["said"] == "###-####-####"
    assert row["dialled"] == "############"
    assert row["port_id"] == "P000000000060"
    assert row["number_key"] == "***", "an erasure would not find it here"
    ((asked,),) = shown_rows.failing_rows(con, outcomes[:1], 1)
    assert asked["number_key"] == "c0ffee00-0000-4000-8000-000000000000"
    assert row["dt"] == "2026-01-07"
    assert row["requested_at"].startswith("2026-01-01 ")


@pytest.mark.parametrize(
    ("kind", "kwargs", "observed"),
    [
        ("most_common_value_to_be_in_set", {"column": "number_key", "value_set": ["x"]}, ["***"]),
        (
            "most_common_value_to_be_in_set", {"column": "said", "value_set": ["x"]},
            ["###-####-####"] * 20 + ["and 1 more"],
        ),
        ("min_to_be_between", {"column": "dt", "max_value": "2025-01-01"}, "2026-01-01"),
        ("sum_to_be_between", {"column": "amount", "max_value": 0}, 3_000_000_000_000),
        ("quantile_values_to_be_between",
         {"column": "id", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]}},
         {"quantiles": [0.5], "values": [149]}),
    ],
)  # fmt: skip
def test_what_an_aggregate_has_seen_is_kept_as_examples_are(
    con: duckdb.DuckDBPyConnection, kind: str, kwargs: dict[str, Any], observed: Any
) -> None:
    con.execute("alter table churn.ports add column amount bigint default 10000000000")
    aggregate = Expectation("seen", f"expect_column_{kind}", kwargs, Severity.CRITICAL, "Not so.")
    (outcome,) = check_relation(con, _suite(aggregate), relation="churn.ports")
    assert (outcome.passed, json.loads(outcome.observed)) == (False, observed)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("call 010 1234 5678 now", "call ### #### #### now"),
        ("+82 (10) 1234.5678", "+## (##) ####.####"),
        ("(11) 91234-5678", "(##) #####-####"),
        ("01012345678", "###########"),
        ("20260103", "20260103"),
        ("2026-01-03", "2026-01-03"),
        ("file 7, row 12345", "file 7, row 12345"),
        (b"01012345678", "b'###########'"),
        ([1, "01012345678"], "[1, '###########']"),
    ],
)
def test_masks_cover_every_spelling_and_nothing_shorter(cell: Any, shown: str) -> None:
    assert shown_rows.shown(cell) == shown


@pytest.mark.parametrize(
    ("relation", "expectation"),
    [
        ("churn.nowhere", POSITIVE),
        ("churn.ports", Expectation("x", POSITIVE.type, {"column": "nothing"}, Severity.CRITICAL, "x")),
        (
            "churn.ports",
            Expectation("x", OWN_SQL.type, {"unexpected_rows_query": "select oops from {batch}"}, Severity.INFO, "x"),
        ),
    ],
)
def test_what_cannot_be_judged_closes_the_gate_and_says_so(
    con: duckdb.DuckDBPyConnection, relation: str, expectation: Expectation
) -> None:
    (outcome,) = check_relation(con, _suite(expectation, FEW), relation=relation)
    assert outcome.expectation_id == "can_be_judged"
    assert is_closed([outcome])


def test_outcomes_are_plain_json(con: duckdb.DuckDBPyConnection) -> None:
    outcomes = check_relation(con, _suite(POSITIVE, FEW, OWN_SQL), relation="churn.ports")
    decoded = json.loads(json.dumps([asdict(outcome) for outcome in outcomes]))
    assert decoded[0]["severity"] == "critical"


@pytest.mark.parametrize(
    ("expectations", "passed", "severity"),
    [
        ((POSITIVE, FEW), False, dg.AssetCheckSeverity.ERROR),
        ((FEW,), False, dg.AssetCheckSeverity.WARN),
        ((Expectation("hint", FEW.type, FEW.kwargs, Severity.INFO, "x"),), True, dg.AssetCheckSeverity.WARN),
    ],
)
def test_the_asset_check_is_an_error_only_for_a_closed_gate(
    con: duckdb.DuckDBPyConnection,
    expectations: tuple[Expectation, ...],
    passed: bool,
    severity: dg.AssetCheckSeverity,
) -> None:
    suite = _suite(*expectations)
    (spec,) = asset_check_specs({KEY: suite})
    result = asset_check_result(KEY, suite, check_relation(con, suite, relation="churn.ports"), PAGE, 1.0)
    assert (spec.name, spec.blocking, result.check_name) == ("gate_marts", False, "gate_marts")
    assert (result.passed, result.severity) == (passed, severity)


def test_the_asset_check_shows_observed_against_expected_why_and_how_to_look(
    con: duckdb.DuckDBPyConnection,
) -> None:
    suite = _suite(POSITIVE, FEW, partition_by="dt")
    outcomes = check_relation(con, suite, relation="churn.ports")
    result = asset_check_result(KEY, suite, outcomes, PAGE, 1.0)
    assert result.description == "closed: 2 of 2 failed: few, positive"
    table = str(result.metadata["expectations"].value)
    assert "| **failed** | `positive` | critical | 2026-01-05 | 3 of 10 rows, 30 % |" in table
    assert POSITIVE.why in table
    rows = str(result.metadata["failing_rows"].value)
    assert "P000000000040" in rows
    assert "```sql" in rows
    assert "010-1234" not in rows


def _profile(con: duckdb.DuckDBPyConnection, **columns: str) -> None:
    """A delivery profile of thirty ordinary days of one feed; `columns` are SQL expressions of the day i."""
    ordinary = {
        "dt": "date '2026-01-01' + i::int", "rev": "1", "status": "'ACCEPTED'", "refusal": "null::varchar",
        "rows_read": "1000::bigint", "rows_accepted": "985::bigint", "rows_quarantined": "10::bigint",
        "rows_duplicate": "5::bigint", "quarantined_pct": "1.0::double", "tolerance_pct": "5.0::double",
        "typical_rows": "case when i >= 21 then 1000.0 end::double",
        "rows_vs_typical": "case when i >= 21 then 1.0 end::double",
        "rows_vs_recent": "case when i >= 21 then 1.0 end::double", "lateness_days": "0", "unknown_columns": "0",
        "files_maybe_cut": "0", "is_claim_impossible": "false", "rows_ahead": "0", "rows_behind": "0",
        "is_first": "i = 0",
        "is_manifest_present": "true", "had_manifests": "true",
        "is_processing_day": "true", "is_holiday": "false", "has_incident": "false", "same_bytes_as": "null::date",
        "worst_reason": "'EMPTY:amount'", "worst_reason_pct": "1.0::double", "worst_reason_usual_pct": "1.0::double",
        "shifted_total": "'amount'", "shifted_total_ratio": "1.0::double",
    }  # fmt: skip
    items = ", ".join(f"{expression} as {name}" for name, expression in (ordinary | columns).items())
    con.execute(f"create or replace table delivery_profile as select {items} from range(30) as t(i)")


@pytest.mark.parametrize("feed", FEEDS)
def test_ordinary_deliveries_pass_the_raw_gate(con: duckdb.DuckDBPyConnection, feed: str) -> None:
    _profile(con)
    outcomes = check_relation(con, load_suite("raw", feed), relation="delivery_profile")
    assert all(outcome.passed for outcome in outcomes)


@pytest.mark.parametrize(
    ("feed", "fault", "expectation", "closes"),
    [
        ("payments", {"status": "if(i = 25, 'REFUSED', 'ACCEPTED')"}, "accepted", True),
        ("payments", {"rows_read": "if(i = 25, 1001, 1000)::bigint"}, "rows_conserved", True),
        ("payments", {"quarantined_pct": "if(i = 25, 5.1, 1.0)"}, "quarantine_within_tolerance", True),
        (
            "payments",
            {"rows_duplicate": "if(i = 25, 490, 5)::bigint", "rows_accepted": "if(i = 25, 500, 985)::bigint"},
            "duplicates_rare",
            False,
        ),
        ("payments", {"unknown_columns": "if(i = 25, 1, 0)"}, "no_unknown_columns", False),
        ("payments", {"lateness_days": "if(i = 25, 3, 0)"}, "on_time", False),
        ("payments", {"rows_vs_typical": "if(i = 25, 0.3, 1.0)", "is_holiday": "i = 25"}, "volume_low", False),
        ("payments", {"rows_vs_typical": "if(i = 25, 0.05, 1.0)"}, "volume_collapsed", True),
        ("cell_registry", {"rows_vs_typical": "if(i = 25, 0.85, 1.0)"}, "volume_collapsed", True),
        (
            "portability_events",
            {"rows_vs_typical": "if(i = 25, 0.3, 1.0)", "is_holiday": "i = 25"},
            "volume_low",
            False,
        ),
        ("subscriptions", {"rows_vs_typical": "if(i = 25, 0.2, 1.0)", "is_holiday": "i = 25"}, "volume_low", False),
        ("payment_disputes", {"rows_vs_typical": "if(i = 25, 0.05, 1.0)"}, "volume_low", False),
    ],
)
def test_a_raw_gate_names_the_day_that_is_wrong(
    con: duckdb.DuckDBPyConnection, feed: str, fault: dict[str, str], expectation: str, closes: bool
) -> None:
    _profile(con, **fault)
    suite = load_suite("raw", feed)
    outcomes = check_relation(con, suite, relation="delivery_profile")
    failed = {outcome.expectation_id: outcome.partition for outcome in outcomes if not outcome.passed}
    assert failed[expectation] == "2026-01-26"
    assert is_closed(outcomes) == closes


def test_an_exodus_is_an_extreme_day_and_not_an_error(con: duckdb.DuckDBPyConnection) -> None:
    _profile(con, rows_vs_typical="case when i >= 21 then 17.0 end::double", has_incident="i >= 21")
    suite = load_suite("raw", "portability_events")
    assert all(outcome.passed for outcome in check_relation(con, suite, relation="delivery_profile"))


def test_an_exodus_that_no_incident_explains_is_asked_about_and_not_held_back(con: duckdb.DuckDBPyConnection) -> None:
    _profile(con, rows_vs_typical="case when i >= 21 then 5.0 end::double")
    outcomes = check_relation(con, load_suite("raw", "portability_events"), relation="delivery_profile")
    assert {outcome.expectation_id for outcome in outcomes if not outcome.passed} == {"volume_high"}
    assert not is_closed(outcomes)


@pytest.mark.parametrize("kind_of_day", [{"is_holiday": "true"}, {"is_processing_day": "false"}])
def test_a_holiday_may_be_quieter_than_an_ordinary_day(
    con: duckdb.DuckDBPyConnection, kind_of_day: dict[str, str]
) -> None:
    _profile(con, rows_vs_typical="0.65::double", rows_vs_recent="0.65::double", **kind_of_day)
    suite = load_suite("raw", "portability_events")
    assert all(outcome.passed for outcome in check_relation(con, suite, relation="delivery_profile"))
    _profile(con, rows_vs_typical="0.65::double", rows_vs_recent="0.65::double")
    assert is_closed(check_relation(con, suite, relation="delivery_profile"))


def test_a_sunday_on_which_hardly_anything_is_usual_passes(con: duckdb.DuckDBPyConnection) -> None:
    _profile(con, typical_rows="3.0::double", rows_vs_typical="0.0::double")
    for feed in ("portability_events", "payments", "cell_registry"):
        outcomes = check_relation(con, load_suite("raw", feed), relation="delivery_profile")
        assert all(outcome.passed for outcome in outcomes)


def test_a_failure_says_what_was_seen_in_the_delivery_in_rows_and_per_cent(con: duckdb.DuckDBPyConnection) -> None:
    _profile(con, rows_quarantined="if(i = 25, 220, 5)::bigint", quarantined_pct="if(i = 25, 22.0, 0.5)::double")
    outcomes = check_relation(con, load_suite("raw", "payments"), relation="delivery_profile")
    (said,) = [outcome for outcome in outcomes if outcome.expectation_id == "quarantine_within_tolerance"]
    assert said.observed == "220 of 1,000 rows quarantined, 22 %"
    assert said.expected == "at most 5 %"


def test_a_site_that_changes_a_limit_is_told_the_limit_that_it_set(con: duckdb.DuckDBPyConnection) -> None:
    _profile(con, rows_vs_typical="if(i = 25, 0.3, 1.0)::double", rows_read="if(i = 25, 300, 1000)::bigint")
    suite = load_suite("raw", "payments")
    lower = tuple(
        replace(one, kwargs={**one.kwargs, "min_value": 0.4}) if one.id == "volume_low" else one
        for one in suite.expectations
    )
    outcomes = check_relation(con, replace(suite, expectations=lower), relation="delivery_profile")
    (said,) = [outcome for outcome in outcomes if outcome.expectation_id == "volume_low"]
    assert (said.observed, said.expected) == ("300 rows, 30 % of the 1,000 of such a weekday", "at least 40 %")
