"""What a gate finds: one shape, in memory, in the history of verdicts and wherever a failure is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from orchestration.gates.suites import Severity

#: The only outcome of what could not be judged.
CAN_BE_JUDGED = "can_be_judged"


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation, as a whole (`partition` None) or in one partition that failed it.

    Every field is a plain JSON value. `failed` is None where no single row is to blame; `example` holds at
    most five of the failing rows, by column, masked. `failing_rows_sql` selects all failing rows; of one partition it
    selects those of `unpartitioned_sql` whose column `partition_by` is that partition. `accepted_by` and
    `accepted_reason` say who let a failure through, and why.
    """

    stage: str
    relation: str
    partition: str | None
    expectation_id: str
    expectation_type: str
    severity: str
    passed: bool
    observed: str
    expected: str
    evaluated: int
    failed: int | None
    why: str
    failing_rows_sql: str | None = None
    unpartitioned_sql: str | None = None
    partition_by: str | None = None
    example: tuple[Mapping[str, Any], ...] = ()
    accepted_by: str | None = None
    accepted_reason: str | None = None

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Outcome:
        """An outcome as it was written down, by this version or an earlier one; what it does not know it leaves out."""
        known = {field.name: entry[field.name] for field in fields(cls) if field.name in entry}
        return cls(**known | {"example": tuple(known.get("example", ()))})

    @property
    def name(self) -> str:
        """The outcome as people write it: `raw/payments:volume_low@2026-01-03`."""
        name = f"{self.stage}/{self.relation}:{self.expectation_id}"
        return f"{name}@{self.partition}" if self.partition else name

    @property
    def is_critical_failure(self) -> bool:
        """Whether it closes the gate, unless somebody accepts it."""
        return not self.passed and self.severity == Severity.CRITICAL

    @property
    def is_closing(self) -> bool:
        """Whether it closes the gate."""
        return self.is_critical_failure and self.accepted_by is None


def is_closed(outcomes: Iterable[Outcome], *, partition: str | None = None) -> bool:
    """Whether a critical expectation failed that nobody has accepted: anywhere, or in what concerns one partition."""
    return any(
        outcome.is_closing and (partition is None or outcome.partition in (None, partition)) for outcome in outcomes
    )
