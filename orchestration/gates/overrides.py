"""Overrides: a failure that somebody has looked at and let through, deliberately and with a reason.

An acceptance covers what was failing when it was given, and nothing later: in raw a delivery by feed, day and
revision; behind a model, failing rows up to the number that was accepted (an aggregate: the very value). What it no
longer covers after a judgement is forgotten, so the next failure closes the gate again.
"""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from orchestration.base.files import write_durably
from orchestration.base.refusal import Refusal, unknown
from orchestration.base.settings import Settings, private_dir
from orchestration.gates import verdicts
from orchestration.gates.outcome import CAN_BE_JUDGED, Outcome
from orchestration.privacy.masking import mask_numbers

_GATE = re.compile(r"(?P<stage>\w+)/(?P<relation>\w+)(?::(?P<expectation>\w+))?(?:@(?P<partition>[^@]+))?")


class OverrideError(Refusal):
    """An override that cannot be given; the message says why, and what could be."""


@dataclass(frozen=True)
class GateName:
    """A gate as people write it: `raw/payments`, `raw/payments:volume_low`, `raw/payments:volume_low@2026-01-03`."""

    stage: str
    relation: str
    expectation_id: str | None = None
    partition: str | None = None

    @classmethod
    def parse(cls, text: str) -> GateName:
        """Raises `OverrideError` for anything that is not such a name."""
        if not (match := _GATE.fullmatch(text)):
            raise OverrideError(f"{text!r} names no gate; write STAGE/RELATION:EXPECTATION, or …@PARTITION for one.")
        return cls(match["stage"], match["relation"], match["expectation"], match["partition"])

    def verdict(self, settings: Settings) -> verdicts.Verdict:
        """The gate's latest verdict. Raises `UnknownNameError` if there is none."""
        judged = {verdict.relation: verdict for verdict in verdicts.latest(settings, self.stage)}
        if self.relation not in judged:
            known = [f"{verdict.stage}/{verdict.relation}" for verdict in verdicts.latest(settings)]
            raise unknown("gate that has been judged and is called", f"{self.stage}/{self.relation}", known)
        return judged[self.relation]

    def concerns(self, failure: Outcome) -> bool:
        """Whether a failure is one of those that the name means."""
        return self.expectation_id in (None, failure.expectation_id) and self.partition in (None, failure.partition)


@dataclass(frozen=True)
class Acceptance:
    """One failure let through: in raw of revision `rev`, else of up to `failed` rows, or with the value `observed`."""

    stage: str
    relation: str
    expectation_id: str
    partition: str | None
    rev: int | None
    failed: int | None
    observed: str
    reason: str
    accepted_by: str
    accepted_at: str

    def covers(self, outcome: Outcome, revisions: Mapping[str, int]) -> bool:
        """Whether a failed outcome was accepted in full."""
        if (outcome.expectation_id, outcome.partition) != (self.expectation_id, self.partition):
            return False
        if self.rev is not None and outcome.partition is not None:
            return revisions.get(outcome.partition) == self.rev
        if self.failed is None or outcome.failed is None:
            return outcome.observed == self.observed
        return outcome.failed <= self.failed


def accept(
    settings: Settings, names: Sequence[str], reason: str | None, revisions: Mapping[str, Mapping[str, int]]
) -> list[Acceptance]:
    """Let failures through that close a gate now; `revisions` are the newest ones of each feed, by day.

    All of `names` or none. Raises `OverrideError` without a reason, and for what is unknown or does not close a gate.
    """
    if not names:
        raise OverrideError("A reason for what? Name the failure: --accept STAGE/RELATION:EXPECTATION.")
    if not (reason and reason.strip()):
        raise OverrideError("An override needs a reason: --reason 'what was looked at, and why it may pass'.")
    given: list[Acceptance] = []
    for text in names:
        name = GateName.parse(text)
        if name.expectation_id is None:
            raise OverrideError(f"{text} names no expectation; write {text}:EXPECTATION. One is accepted at a time.")
        found = [failure for failure in name.verdict(settings).closing if name.concerns(failure)]
        if not found:
            raise OverrideError(f"{text} closes no gate, so there is nothing to accept.{_what_does(name, settings)}")
        given += [
            Acceptance(
                stage=name.stage, relation=name.relation, expectation_id=name.expectation_id,
                partition=failure.partition,
                rev=revisions.get(name.relation, {}).get(failure.partition or "") if name.stage == "raw" else None,
                failed=failure.failed, observed=failure.observed,
                reason=mask_numbers(reason.strip(), settings.site_profile.numbers),
                accepted_by=getpass.getuser(), accepted_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            for failure in found
        ]  # fmt: skip
    for stage, relation in sorted({(acceptance.stage, acceptance.relation) for acceptance in given}):
        own = [acceptance for acceptance in given if (acceptance.stage, acceptance.relation) == (stage, relation)]
        _write(settings, stage, relation, [*in_force(settings, stage, relation), *own])
    return given


def apply(
    settings: Settings, outcomes: Sequence[Outcome], *, stage: str, relation: str, revisions: Mapping[str, int] = {}
) -> list[Outcome]:
    """Mark the failures that an acceptance covers; forget acceptances that cover nothing any more.

    Of a gate that could not judge nobody knows that.
    """
    known = in_force(settings, stage, relation)
    if not known:
        return list(outcomes)
    used: set[Acceptance] = set()
    marked = []
    for outcome in outcomes:
        by = next((entry for entry in known if outcome.is_closing and entry.covers(outcome, revisions)), None)
        if by is None:
            marked.append(outcome)
        else:
            used.add(by)
            marked.append(replace(outcome, accepted_by=by.accepted_by, accepted_reason=by.reason))
    was_judged = all(outcome.expectation_id != CAN_BE_JUDGED for outcome in outcomes)
    if was_judged and used != set(known):
        _write(settings, stage, relation, [entry for entry in known if entry in used])
    return marked


def in_force(settings: Settings, stage: str, relation: str) -> list[Acceptance]:
    """The acceptances of one gate, oldest first."""
    path = _path(settings, stage, relation)
    return [Acceptance(**entry) for entry in json.loads(path.read_text("utf-8"))] if path.exists() else []


def files(settings: Settings) -> list[Path]:
    """The files of all acceptances: a publication rests on them, too."""
    return sorted(_folder(settings).glob("*.json"))


def _what_does(name: GateName, settings: Settings) -> str:
    closing = sorted({failure.expectation_id for failure in name.verdict(settings).closing})
    return f" {name.stage}/{name.relation} is closed by {', '.join(closing)}." if closing else " The gate is open."


def _folder(settings: Settings) -> Path:
    return settings.gates_dir / "accepted"


def _path(settings: Settings, stage: str, relation: str) -> Path:
    return _folder(settings) / f"{stage}.{relation}.json"


def _write(settings: Settings, stage: str, relation: str, acceptances: Sequence[Acceptance]) -> None:
    private_dir(_folder(settings))
    path = _path(settings, stage, relation)
    if not acceptances:
        path.unlink(missing_ok=True)
        return
    write_durably(path, json.dumps([asdict(entry) for entry in acceptances], ensure_ascii=False).encode())
