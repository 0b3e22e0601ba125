"""A judgement from check to record: what was found, what of it is accepted, the verdict, and what Dagster is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import dagster as dg

from orchestration.base.settings import Settings
from orchestration.gates import overrides, verdicts
from orchestration.gates.asset_checks import asset_check_result
from orchestration.gates.outcome import Outcome
from orchestration.gates.suites import Suite


@dataclass(frozen=True)
class Judgement:
    """What a gate has said of a relation, on record."""

    outcomes: list[Outcome]
    check: dg.AssetCheckResult


def judge(
    context: dg.AssetExecutionContext,
    settings: Settings,
    key: dg.AssetKey,
    suite: Suite,
    check: Callable[[], list[Outcome]],
    *,
    beside: Sequence[Outcome] = (),
    revisions: Mapping[str, int] = {},
    inputs: str | None = None,
) -> Judgement:
    """Judge a relation by `check`, lay acceptances over it, and make it the relation's latest verdict.

    `beside` are failures that others found (dbt's tests): part of the verdict, not of the suite's asset check.
    `inputs` stands for what the verdict rests on.
    `revisions` are the newest ones of a feed by day, which acceptances in raw are bound to.
    """
    started = perf_counter()
    found = check()
    seconds = perf_counter() - started
    outcomes = overrides.apply(
        settings, [*beside, *found], stage=suite.stage, relation=suite.relation, revisions=revisions
    )
    verdict = verdicts.record(
        settings, context.run.run_id, outcomes, stage=suite.stage, relation=suite.relation, inputs=inputs
    )
    if verdict.is_closed:
        context.log.warning(f"Gate {suite.stage}/{suite.relation} is closed: {verdict.reason}")
    of_suite = outcomes[len(beside) :]
    return Judgement(
        outcomes, asset_check_result(key, suite, of_suite, settings.page_url(settings.gates_page.name), seconds)
    )
