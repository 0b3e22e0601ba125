"""Verdicts on disk: the latest of each relation, which decides what is held back, and the history of all.

They are files, not tables, so that a gate can be judged while another process owns the warehouse.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings, private_dir
from orchestration.gates.outcome import Outcome, is_closed
from orchestration.gates.suites import Severity


@dataclass(frozen=True)
class Verdict:
    """What a gate said last of one relation; `failures` are the expectations that did not hold.

    `inputs` stands for all that it looked at, and looked with: with the same, it would say the same.
    """

    stage: str
    relation: str
    is_closed: bool
    judged_at: str
    run_id: str
    failures: tuple[Outcome, ...]
    inputs: str | None = None

    @property
    def closing(self) -> list[Outcome]:
        """The failures that keep the gate closed."""
        return [failure for failure in self.failures if failure.is_closing]

    @property
    def accepted(self) -> list[Outcome]:
        """The failures that would close the gate, had nobody accepted them."""
        return [failure for failure in self.failures if failure.is_critical_failure and not failure.is_closing]

    @property
    def warnings(self) -> list[Outcome]:
        """The failures that close nothing, and that somebody should look at."""
        return [failure for failure in self.failures if failure.severity == Severity.WARNING]

    @property
    def reason(self) -> str:
        """One line for people: which expectation failed, where, and what was seen."""
        shown = [
            f"{failure.expectation_id}"
            + (f" on {failure.partition}" if failure.partition else "")
            + f" ({failure.observed})"
            for failure in (self.closing or list(self.failures))[:3]
        ]
        return "; ".join(shown)


def record(
    settings: Settings,
    run_id: str,
    outcomes: Sequence[Outcome],
    *,
    stage: str,
    relation: str,
    inputs: str | None = None,
) -> Verdict:
    """Append a judgement to the history and make it the relation's latest verdict."""
    judged_at = datetime.now(UTC).isoformat()
    verdict = Verdict(
        stage, relation, is_closed(outcomes), judged_at, run_id,
        tuple(outcome for outcome in outcomes if not outcome.passed), inputs,
    )  # fmt: skip
    history = private_dir(settings.gates_dir / "history" / run_id)
    rows = [{"run_id": run_id, "judged_at": judged_at, **dataclasses.asdict(outcome)} for outcome in outcomes]
    write_json(history / f"{stage}.{relation}.json", rows)
    write_json(private_dir(settings.gates_dir / "latest") / f"{stage}.{relation}.json", dataclasses.asdict(verdict))
    return verdict


def latest(settings: Settings, stage: str | None = None) -> list[Verdict]:
    """The latest verdict of each relation, of one stage or of all."""
    paths = sorted((settings.gates_dir / "latest").glob(f"{stage or '*'}.*.json"))
    found = [json.loads(path.read_text("utf-8")) for path in paths]
    return [Verdict(**entry | {"failures": tuple(map(Outcome.from_json, entry["failures"]))}) for entry in found]


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file in one step."""
    replace_text(path, json.dumps(content, ensure_ascii=False))
