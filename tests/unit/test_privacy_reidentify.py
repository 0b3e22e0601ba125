"""The way back is open only to who says why, and never without a trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from orchestration.base.settings import Settings
from orchestration.cli import app
from orchestration.privacy.masking import mask_numbers
from orchestration.rights import audit
from orchestration.rights.audit import AuditError, audit_log
from orchestration.rights.reidentify import UnknownCaseError, reidentify
from tests.support.privacy_world import ALICE, BOB, E164, FIRST_DAY, deliver, keys, take
from tests.support.world import KEY, World


@pytest.fixture
def settings(new_world: Callable[..., World]) -> Settings:
    settings = new_world().settings
    deliver(settings, FIRST_DAY, [ALICE, BOB])
    take(settings)
    return settings


@pytest.fixture
def number_key(settings: Settings) -> UUID:
    return UUID(bytes=keys(settings)[f"P-{FIRST_DAY}-0/1"][0])


def _entries(settings: Settings) -> list[dict[str, object]]:
    return [json.loads(line) for line in audit_log(settings).read_text("utf-8").splitlines()]


def test_a_pseudonym_leads_back_to_its_number_and_into_the_log(settings: Settings, number_key: UUID) -> None:
    unknown = uuid4()
    found = reidentify(settings, "warn the customer", number_keys=[number_key, unknown])
    assert [entry.value for entry in found] == [E164[ALICE], None]
    (entry,) = _entries(settings)
    assert entry["reason"] == "warn the customer"
    assert entry["keys"] == sorted([str(number_key), str(unknown)])
    assert entry["found"] == 1
    assert entry["user"]
    assert E164[ALICE][3:] not in audit_log(settings).read_text("utf-8")


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_told_without_a_reason(settings: Settings, number_key: UUID, reason: str) -> None:
    with pytest.raises(AuditError, match="reason"):
        reidentify(settings, reason, number_keys=[number_key])
    assert not audit_log(settings).exists()


def test_nothing_is_told_if_the_log_cannot_be_written(settings: Settings, number_key: UUID) -> None:
    audit_log(settings).mkdir()
    with pytest.raises(AuditError, match="cannot be written"):
        reidentify(settings, "why not", number_keys=[number_key])


def test_an_entry_that_was_edited_or_taken_out_shows(settings: Settings, number_key: UUID) -> None:
    for reason in ("first", "second", "third"):
        reidentify(settings, reason, number_keys=[number_key])
    log = audit_log(settings)
    intact = log.read_text("utf-8").splitlines(keepends=True)
    audit.verify(log)
    for tampered, line in (
        ([intact[0], intact[1].replace("second", "other"), intact[2]], 2),
        ([intact[0], intact[2]], 2),
        ([intact[1], intact[2]], 1),
        ([*intact, "{}\n"], 4),
        ([intact[0], "no JSON\n"], 2),
    ):
        log.write_text("".join(tampered), "utf-8")
        with pytest.raises(AuditError, match=f"line {line}"):
            reidentify(settings, "fourth", number_keys=[number_key])
        assert log.read_text("utf-8") == "".join(tampered)


def test_a_number_in_a_reason_is_masked_and_a_date_is_not(settings: Settings) -> None:
    plan = settings.site_profile.numbers
    assert mask_numbers("call 010-1111-2222 or +82 10 1111 2222", plan) == "call ###-####-#### or +## ## #### ####"
    assert mask_numbers("asked on 2026-01-04, ticket 4711", plan) == "asked on 2026-01-04, ticket 4711"


def test_a_case_before_any_publication_is_refused_with_what_to_do(settings: Settings) -> None:
    with pytest.raises(UnknownCaseError, match="Nothing has been published"):
        reidentify(settings, "a case", cases=["1"])


def test_the_command_prints_what_was_asked_and_the_number(
    settings: Settings, number_key: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_HOME", str(settings.home))
    refused = CliRunner().invoke(app, ["reidentify", "--number-key", str(number_key), "--reason", "why"])
    assert refused.exit_code == 1
    assert "No pseudonym key" in refused.output
    monkeypatch.setenv("RINGFENCE_PSEUDONYM_KEY", KEY)
    told = CliRunner().invoke(app, ["reidentify", "--number-key", str(number_key), "--reason", "why"])
    assert told.output.strip() == f"{number_key}\t{E164[ALICE]}"
    refused = CliRunner().invoke(app, ["reidentify", "--number-key", str(number_key), "--reason", " "])
    assert refused.exit_code == 1
    assert E164[ALICE] not in refused.output
