"""`reports/gates.html`: every gate over time, what failed, each expectation's history, quarantine by reason.

One file, no network. The template beside this module holds its look; here is what stands in it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.gates import verdicts
from orchestration.gates.outcome import Outcome, is_closed
from orchestration.gates.suites import STAGES, Severity
from orchestration.ingest.receipt import Receipt, newest, read_receipts
from orchestration.reporting.pages import environment, write_page

_RUNS = 30
_DAYS = 120

#: What became of a gate or an expectation in a run, the worst first.
STATES = {
    "closed": "closed: held back, with what is built on it",
    "accepted": "failed and accepted",
    "warned": "failed, and only warned",
    "open": "everything held",
}


@dataclass(frozen=True)
class _Run:
    """One run: when, its place among the runs shown, and its outcomes by gate (`raw.payments`)."""

    place: int
    judged_at: datetime
    gates: dict[str, list[Outcome]]


@dataclass(frozen=True)
class Mark:
    """What a gate or an expectation came to in one run."""

    run: _Run
    state: str
    said: str


@dataclass(frozen=True)
class ExpectationHistory:
    """One expectation over the runs; `last` is what it said in the last one that judged it."""

    marks: list[Mark]
    last: Outcome


@dataclass(frozen=True)
class GateHistory:
    """One gate over the runs; `now` is the state of all its expectations, each when it was judged last."""

    stage: str
    relation: str
    marks: list[Mark]
    expectations: list[ExpectationHistory]
    now: str


@dataclass(frozen=True)
class Quarantine:
    """What one feed's deliveries lost to quarantine; `by_day` counts the rows of a reason on each of `days`."""

    feed: str
    deliveries: int
    refused: int
    rows_read: int
    rows_quarantined: int
    reasons: list[tuple[str, int]]
    days: list[date]
    by_day: dict[str, list[int]]


def write_gates_page(settings: Settings) -> Path:
    """Write the page anew from the history of verdicts and the receipts."""
    runs, now = _runs(settings), verdicts.latest(settings)
    templates = environment(settings)
    templates.filters["tally"] = _tally
    page = templates.get_template("gates_page.html").render(
        written_at=datetime.now(UTC),
        states=STATES,
        counts=Counter(_state(verdict.failures) for verdict in now),
        verdicts=now,
        most=_RUNS,
        runs=runs,
        gates=[_gate(name, runs) for name in _names(runs)],
        quarantine=_quarantine(newest(read_receipts(settings.raw_dir))),
    )
    return write_page(settings, settings.gates_page.name, page)


def _runs(settings: Settings) -> list[_Run]:
    """The last runs, oldest first, without those that judged nothing."""
    folders = sorted((settings.gates_dir / "history").glob("*/"), key=lambda folder: folder.stat().st_mtime)
    found: list[_Run] = []
    for folder in folders[-_RUNS:]:
        gates = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
        times = [entry["judged_at"] for entries in gates.values() for entry in entries]
        if times:
            outcomes = {name: [Outcome.from_json(entry) for entry in entries] for name, entries in gates.items()}
            found.append(_Run(len(found), datetime.fromisoformat(max(times)), outcomes))
    return found


def _state(outcomes: Iterable[Outcome]) -> str:
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if is_closed(failed):
        return "closed"
    if any(outcome.is_critical_failure for outcome in failed):
        return "accepted"
    return "warned" if any(outcome.severity != Severity.INFO for outcome in failed) else "open"


def _names(runs: Sequence[_Run]) -> list[str]:
    """Gates that have ever judged anything, stage by stage."""
    judged = {name for run in runs for name, outcomes in run.gates.items() if outcomes}
    return sorted(judged, key=lambda name: (STAGES.index(name.split(".", 1)[0]), name))


def _gate(name: str, runs: Sequence[_Run]) -> GateHistory:
    stage, relation = name.split(".", 1)
    judged = [(run, run.gates[name]) for run in runs if name in run.gates]
    marks = [Mark(run, _state(outcomes), _failed_ids(outcomes)) for run, outcomes in judged]
    by_expectation: dict[str, list[tuple[_Run, list[Outcome]]]] = defaultdict(list)
    for run, outcomes in judged:
        in_order = sorted(outcomes, key=lambda outcome: outcome.expectation_id)
        own = {name: list(found) for name, found in groupby(in_order, lambda outcome: outcome.expectation_id)}
        for expectation in dict.fromkeys(outcome.expectation_id for outcome in outcomes):
            by_expectation[expectation].append((run, own[expectation]))
    now = _state(outcome for found in by_expectation.values() for outcome in found[-1][1])
    return GateHistory(stage, relation, marks, [_expectation(found) for found in by_expectation.values()], now)


def _tally(marks: Iterable[Mark]) -> str:
    """How often what: `28 open, 2 closed`."""
    return ", ".join(f"{count} {state}" for state, count in Counter(mark.state for mark in marks).items())


def _failed_ids(outcomes: Sequence[Outcome]) -> str:
    failed = sorted({outcome.expectation_id for outcome in outcomes if not outcome.passed})
    return ", ".join(failed) or "everything held"


def _expectation(found: Sequence[tuple[_Run, list[Outcome]]]) -> ExpectationHistory:
    marks = [Mark(run, _state(outcomes), _observed(outcomes)) for run, outcomes in found]
    return ExpectationHistory(marks, found[-1][1][0])


def _observed(outcomes: Sequence[Outcome]) -> str:
    """What was seen; of a failure in many partitions, how many and the first."""
    failed = [outcome for outcome in outcomes if not outcome.passed] or list(outcomes)
    first = failed[0]
    where = f"{first.partition}: " if first.partition else ""
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{where}{first.observed}{more}"


def _quarantine(receipts: Sequence[Receipt]) -> list[Quarantine]:
    by_feed: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        by_feed[receipt.feed].append(receipt)
    return [_quarantine_of(feed, own) for feed, own in sorted(by_feed.items())]


def _quarantine_of(feed: str, receipts: Sequence[Receipt]) -> Quarantine:
    reasons: Counter[str] = Counter()
    for receipt in receipts:
        reasons.update(receipt.reasons)
    of_day = {receipt.dt: receipt.reasons for receipt in receipts}
    days = sorted(of_day)[-_DAYS:]
    return Quarantine(
        feed=feed,
        deliveries=len(receipts),
        refused=sum(receipt.status == "REFUSED" for receipt in receipts),
        rows_read=sum(receipt.rows_read for receipt in receipts),
        rows_quarantined=sum(receipt.rows_quarantined for receipt in receipts),
        reasons=reasons.most_common(),
        days=days,
        by_day={reason: [of_day[day].get(reason, 0) for day in days] for reason in reasons},
    )
