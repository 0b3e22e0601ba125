"""An override lets through what was failing when it was given, and nothing later."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.gates import overrides, verdicts
from orchestration.gates.outcome import CAN_BE_JUDGED, Outcome, is_closed
from orchestration.gates.overrides import OverrideError

REVISIONS = {"payments": {"2026-01-03": 1, "2026-01-04": 2}}
FAILURE = Outcome(
    stage="raw", relation="payments", partition="2026-01-03", expectation_id="quarantine_within_tolerance",
    expectation_type="unexpected_rows_expectation", severity="critical", passed=False, observed="1 of 3 rows",
    expected="no row", evaluated=3, failed=1, why="The source has changed.",
)  # fmt: skip
IN_STAGING = replace(FAILURE, stage="staging", relation="int_port_latest", partition=None, failed=7, observed="7 rows")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def _record(settings: Settings, *outcomes: Outcome) -> verdicts.Verdict:
    stage, relation = outcomes[0].stage, outcomes[0].relation
    applied = overrides.apply(settings, outcomes, stage=stage, relation=relation, revisions=REVISIONS.get(relation, {}))
    return verdicts.record(settings, "run", applied, stage=stage, relation=relation)


def test_an_accepted_failure_no_longer_closes_the_gate_and_says_who_and_why(settings: Settings) -> None:
    assert _record(settings, FAILURE).is_closed
    overrides.accept(settings, ["raw/payments:quarantine_within_tolerance@2026-01-03"], "Checked by desk", REVISIONS)
    verdict = _record(settings, FAILURE)
    assert not verdict.is_closed
    (accepted,) = verdict.accepted
    assert accepted.accepted_reason == "Checked by desk"
    assert accepted.accepted_by


def test_a_number_in_a_reason_is_masked_since_everybody_reads_it(settings: Settings) -> None:
    _record(settings, FAILURE)
    overrides.accept(settings, ["raw/payments:quarantine_within_tolerance"], "010-1234-5678 called", REVISIONS)
    (accepted,) = _record(settings, FAILURE).accepted
    assert accepted.accepted_reason == "###-####-#### called"


def test_the_same_expectation_on_another_day_still_closes_the_gate(settings: Settings) -> None:
    _record(settings, FAILURE)
    overrides.accept(settings, ["raw/payments:quarantine_within_tolerance"], "ok", REVISIONS)
    verdict = _record(settings, FAILURE, replace(FAILURE, partition="2026-01-04"))
    assert verdict.is_closed
    assert [failure.partition for failure in verdict.closing] == ["2026-01-04"]


def test_a_corrected_delivery_that_fails_again_closes_the_gate_again(settings: Settings) -> None:
    _record(settings, FAILURE)
    overrides.accept(settings, ["raw/payments:quarantine_within_tolerance"], "ok", {"payments": {"2026-01-03": 7}})
    assert _record(settings, FAILURE).is_closed
    assert overrides.in_force(settings, "raw", "payments") == []


@pytest.mark.parametrize(("failed", "closed"), [(7, False), (3, False), (8, True)])
def test_behind_a_model_more_failing_rows_than_were_accepted_close_the_gate_again(
    settings: Settings, failed: int, closed: bool
) -> None:
    _record(settings, IN_STAGING)
    overrides.accept(settings, ["staging/int_port_latest:quarantine_within_tolerance"], "ok", {})
    assert _record(settings, replace(IN_STAGING, failed=failed)).is_closed == closed


def test_an_acceptance_outlives_a_judgement_that_could_not_be_made(settings: Settings) -> None:
    _record(settings, FAILURE)
    overrides.accept(settings, ["raw/payments:quarantine_within_tolerance"], "ok", REVISIONS)
    assert _record(settings, replace(FAILURE, partition=None, expectation_id=CAN_BE_JUDGED)).is_closed
    assert not _record(settings, FAILURE).is_closed


def test_an_acceptance_ends_when_its_expectation_holds(settings: Settings) -> None:
    _record(settings, IN_STAGING)
    overrides.accept(settings, ["staging/int_port_latest:quarantine_within_tolerance"], "ok", {})
    assert not _record(settings, replace(IN_STAGING, passed=True, failed=0)).is_closed
    assert _record(settings, IN_STAGING).is_closed


def test_an_aggregate_is_accepted_at_the_value_that_was_seen(settings: Settings) -> None:
    aggregate = replace(IN_STAGING, failed=None, observed="41")
    _record(settings, aggregate)
    overrides.accept(settings, ["staging/int_port_latest:quarantine_within_tolerance"], "ok", {})
    assert not _record(settings, aggregate).is_closed
    assert _record(settings, replace(aggregate, observed="42")).is_closed


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("raw/payments:quarantine_within_tolerance", None, "needs a reason"),
        ("raw/payments:quarantine_within_tolerance", "  ", "needs a reason"),
        ("raw/payment:quarantine_within_tolerance", "ok", "'raw/payment'; did you mean 'raw/payments'"),
        ("raw/payments:nothing", "ok", "is closed by quarantine_within_tolerance"),
        ("raw/payments:quarantine_within_tolerance@2026-01-09", "ok", "closes no gate"),
        ("raw/payments:on_time", "ok", "closes no gate"),
        ("raw/payments", "ok", "names no expectation"),
        ("payments", "ok", "names no gate"),
    ],
)
def test_what_cannot_be_accepted_is_refused_and_nothing_changes(
    settings: Settings, name: str, reason: str | None, message: str
) -> None:
    failures = [FAILURE, replace(FAILURE, expectation_id="on_time", severity="warning")]
    _record(settings, *failures)
    good = "raw/payments:quarantine_within_tolerance@2026-01-03"
    with pytest.raises(Refusal, match=message):
        overrides.accept(settings, [good, name], reason, REVISIONS)
    assert _record(settings, *failures).is_closed
    assert not overrides.files(settings)


def test_a_reason_without_a_failure_is_refused(settings: Settings) -> None:
    with pytest.raises(OverrideError, match="Name the failure"):
        overrides.accept(settings, [], "ok", {})


def test_a_verdict_that_an_earlier_version_wrote_is_read_and_can_be_accepted(settings: Settings) -> None:
    _record(settings, FAILURE)
    path = settings.gates_dir / "latest" / "raw.payments.json"
    written = json.loads(path.read_text("utf-8"))
    for failure in written["failures"]:
        for since in ("unpartitioned_sql", "partition_by", "accepted_by", "accepted_reason"):
            del failure[since]
        failure["of_a_version_to_come"] = 1
    path.write_text(json.dumps(written), "utf-8")
    (verdict,) = verdicts.latest(settings)
    assert [failure.name for failure in verdict.closing] == ["raw/payments:quarantine_within_tolerance@2026-01-03"]
    assert overrides.accept(settings, [verdict.closing[0].name], "ok", REVISIONS)


def test_an_accepted_outcome_is_a_failure_that_closes_nothing() -> None:
    assert is_closed([FAILURE])
    assert not is_closed([replace(FAILURE, accepted_by="desk", accepted_reason="ok")])
