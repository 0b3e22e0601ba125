"""A gate's verdict as Dagster sees it: one asset check per relation and stage.

The checks are not `blocking=True`: Dagster's own blocking skips the whole downstream multi-asset step,
while a closed gate holds back only its relation and what is built on it. The caller does that by leaving
those models out of the next dbt invocation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from orchestration.gates.failed_rows import MAX_FAILURES_SHOWN
from orchestration.gates.outcome import Outcome, is_closed
from orchestration.gates.suites import Severity, Suite


def check_name(stage: str) -> str:
    """What the check of a stage is called on every relation."""
    return f"gate_{stage}"


def asset_check_specs(suites: Mapping[dg.AssetKey, Suite]) -> list[dg.AssetCheckSpec]:
    """One spec per relation; its description lists what is expected and why."""
    return [
        dg.AssetCheckSpec(name=check_name(suite.stage), asset=key, description=_description(suite))
        for key, suite in suites.items()
    ]


def asset_check_result(
    key: dg.AssetKey, suite: Suite, outcomes: Sequence[Outcome], page: str, seconds: float
) -> dg.AssetCheckResult:
    """The verdict of one gate. A failed critical expectation is an ERROR, any other failure a WARN.

    `page` is the address of that which shows all gates over time. `seconds` is what judging took.
    """
    failures = [outcome for outcome in outcomes if not outcome.passed]
    metadata: dict[str, dg.MetadataValue] = {
        "evaluated": dg.MetadataValue.int(max((outcome.evaluated for outcome in outcomes), default=0)),
        "failed": dg.MetadataValue.int(len({outcome.expectation_id for outcome in failures})),
        "seconds": dg.MetadataValue.float(round(seconds, 2)),
        "expectations": dg.MetadataValue.md(_table(outcomes)),
        "page": dg.MetadataValue.url(f"{page}#{suite.name}"),
    }
    if failures:
        metadata["failing_rows"] = dg.MetadataValue.md(_failing_rows(failures))
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check_name(suite.stage),
        passed=not any(outcome.severity != Severity.INFO for outcome in failures),
        severity=dg.AssetCheckSeverity.ERROR if is_closed(outcomes) else dg.AssetCheckSeverity.WARN,
        description=_summary(outcomes),
        metadata=metadata,
    )


def held_back_result(key: dg.AssetKey, suite: Suite, causes: Sequence[str]) -> dg.AssetCheckResult:
    """What the check says of a relation that was not built, so that it looks held back and not green."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check_name(suite.stage),
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"held back by {', '.join(causes)}: it is as it was before",
        metadata={"held_back_by": dg.MetadataValue.json(list(causes))},
    )


def standing_result(key: dg.AssetKey, suite: Suite, judged_at: str, run_id: str) -> dg.AssetCheckResult:
    """What the check says of a relation that was not judged again, because all that it looks at is as it was."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check_name(suite.stage),
        passed=True,
        description=f"open: {len(suite.expectations)} expectations hold, and nothing has changed that they look at",
        metadata={"judged_at": dg.MetadataValue.text(judged_at), "judged_by": dg.MetadataValue.dagster_run(run_id)},
    )


def said_of_day(outcomes: Sequence[Outcome], day: str) -> str:
    """What the gate said of one day, for that day's metadata: a check has one result a run, however many days."""
    failed = [f"{o.expectation_id} ({o.severity})" for o in outcomes if not o.passed and o.partition in (None, day)]
    state = "closed" if is_closed(outcomes, partition=day) else "open"
    return f"{state}: {', '.join(failed)} failed" if failed else state


def _description(suite: Suite) -> str:
    lines = [f"- `{e.id}` ({e.severity}): {e.why}" for e in suite.expectations]
    return (
        f"**This gate closes** when a critical expectation fails: the relation and what is built on it stay at their "
        "previous version, and the rest of the run goes on. (Dagster calls the check non-blocking since it stops no "
        f"step.) Great Expectations suite `{suite.name}`:\n" + "\n".join(lines)
    )


def _summary(outcomes: Sequence[Outcome]) -> str:
    failed = sorted({outcome.expectation_id for outcome in outcomes if not outcome.passed})
    judged = len({outcome.expectation_id for outcome in outcomes})
    if not failed:
        return f"open: {judged} expectations hold"
    verdict = "closed" if is_closed(outcomes) else "open"
    accepted = sorted({outcome.expectation_id for outcome in outcomes if outcome.accepted_by})
    waived = f"; accepted: {', '.join(accepted)}" if accepted else ""
    return f"{verdict}: {len(failed)} of {judged} failed: {', '.join(failed)}{waived}"


def _table(outcomes: Sequence[Outcome]) -> str:
    rows = [
        (
            _said(outcome),
            f"`{outcome.expectation_id}`",
            outcome.severity,
            outcome.partition or "",
            outcome.observed,
            outcome.expected,
            outcome.why,
        )
        for outcome in _shown(outcomes)
    ]
    head = ("verdict", "expectation", "severity", "partition", "observed", "expected", "why")
    return _markdown([head, ("---",) * len(head), *rows]) + _left_out(outcomes)


def _said(outcome: Outcome) -> str:
    if outcome.passed:
        return "passed"
    return f"accepted by {outcome.accepted_by}: {outcome.accepted_reason}" if outcome.accepted_by else "**failed**"


def _shown(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """All that passed, and as many failures as a page bears."""
    failures = [outcome for outcome in outcomes if not outcome.passed]
    return failures[:MAX_FAILURES_SHOWN] + [outcome for outcome in outcomes if outcome.passed]


def _left_out(outcomes: Sequence[Outcome]) -> str:
    failures = sum(not outcome.passed for outcome in outcomes)
    more = failures - MAX_FAILURES_SHOWN
    return f"\n\n… and {more:,} more failures" if more > 0 else ""


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _failing_rows(failures: Sequence[Outcome]) -> str:
    return "\n\n".join(_failing_rows_of(outcome) for outcome in failures[:MAX_FAILURES_SHOWN])


def _failing_rows_of(outcome: Outcome) -> str:
    title = f"**{outcome.expectation_id}**" + (f" · {outcome.partition}" if outcome.partition else "")
    if outcome.failing_rows_sql is None:
        return f"{title}: {outcome.observed}, no single row is to blame"
    parts = [title]
    if outcome.example:
        head = tuple(outcome.example[0])
        rows = [tuple("" if cell is None else str(cell) for cell in row.values()) for row in outcome.example]
        parts.append(_markdown([head, ("---",) * len(head), *rows]))
    return "\n\n".join([*parts, f"```sql\n{outcome.failing_rows_sql}\n```"])
