"""`reports/gates.html`: every gate over time, what failed, each expectation's history, quarantine by reason.

One file, no network. The template beside this module holds its look; here is what stands in it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings, private_dir
from orchestration.gates import verdicts
from orchestration.gates.suites import STAGES
from orchestration.ingest.receipt import Receipt, newest, read_receipts

_TEMPLATE = Path(__file__).with_name("gates_page.html")
_RUNS = 30
_DAYS = 120
_CELL = 9  # pixels; thirty of them fit on a phone
_STRIP = 22

#: What became of a gate or an expectation in a run, the worst first.
STATES = {
    "closed": "closed: held back, with what is built on it",
    "accepted": "failed and accepted",
    "warned": "failed, and only warned",
    "open": "everything held",
}

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class _Run:
    """One run: when, and its outcomes by gate (`raw.payments`)."""

    run_id: str
    judged_at: datetime
    gates: Mapping[str, Sequence[Entry]]


def write_gates_page(settings: Settings) -> Path:
    """Write the page anew from the history of verdicts and the receipts."""
    runs = _runs(settings)
    zone = ZoneInfo(settings.time_zone)
    now = verdicts.latest(settings)
    page = Template(_TEMPLATE.read_text("utf-8")).substitute(
        written_at=f"{datetime.now(zone):%Y-%m-%d %H:%M}",
        tiles=_tiles(now),
        attention=_attention(now),
        runs=len(runs),
        legend=_legend(),
        gates=_gates(runs, zone),
        expectations=_expectations(runs, zone),
        quarantine=_quarantine(newest(read_receipts(settings.raw_dir))),
    )
    path = settings.gates_page
    private_dir(path.parent)
    replace_text(path, page)
    return path


def _runs(settings: Settings) -> list[_Run]:
    """The last runs, oldest first; a run that judged nothing is none."""
    folders = sorted((settings.gates_dir / "history").glob("*/"), key=lambda folder: folder.stat().st_mtime)
    found = []
    for folder in folders[-_RUNS:]:
        gates = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
        times = [entry["judged_at"] for outcomes in gates.values() for entry in outcomes]
        if times:
            found.append(_Run(folder.name, datetime.fromisoformat(max(times)), gates))
    return found


def _state(outcomes: Iterable[Entry]) -> str:
    failed = [entry for entry in outcomes if not entry["passed"]]
    critical = [entry for entry in failed if entry["severity"] == "critical"]
    if any(not entry.get("accepted_by") for entry in critical):
        return "closed"
    if critical:
        return "accepted"
    return "warned" if any(entry["severity"] != "info" for entry in failed) else "open"


def _tiles(now: Sequence[verdicts.Verdict]) -> str:
    counts = Counter(_state([{**failure, "passed": False} for failure in verdict.failures]) for verdict in now)
    return "".join(f'<div class="tile {state}"><b>{counts[state]}</b><span>{state}</span></div>' for state in STATES)


def _attention(now: Sequence[verdicts.Verdict]) -> str:
    """What keeps a gate closed now, how to look and how to override; and what was let through."""
    parts = []
    for verdict in now:
        gate = f"{verdict.stage}/{verdict.relation}"
        for failure in verdict.closing[:_RUNS]:
            name = verdicts.name_of(failure)
            parts.append(
                f'<article class="closed"><h3>{escape(name)}</h3><p>{escape(failure["why"])}</p>'
                f"<p><b>{escape(failure['observed'])}</b>; expected: {escape(failure['expected'])}</p>"
                f"<pre>ringfence gates show {escape(name)}\n"
                f"ringfence run … --accept {escape(name)} --reason '…'</pre></article>"
            )
        parts += [
            f'<article class="accepted"><h3>{escape(verdicts.name_of(failure))}</h3><p>{escape(failure["observed"])}; '
            f"accepted by {escape(failure['accepted_by'])}: {escape(failure['accepted_reason'])}</p></article>"
            for failure in verdict.accepted
        ]
        if len(verdict.closing) > _RUNS:
            parts.append(f"<p>{escape(gate)}: and {len(verdict.closing) - _RUNS} more failures</p>")
    return "".join(parts) or "<p>No gate is closed.</p>"


def _legend() -> str:
    return "".join(
        f'<span><svg width="{_CELL}" height="{_STRIP}" aria-hidden="true">{_mark(state, 0)}</svg> {text}</span>'
        for state, text in STATES.items()
    )


def _gates(runs: Sequence[_Run], zone: ZoneInfo) -> str:
    """One table a stage: a gate a row, its runs from left to right."""
    return "".join(
        f"<h3>{stage}</h3><table><thead><tr><th>relation<th>runs<th>now</thead><tbody>"
        + "".join(_gate_row(name, runs, zone) for name in _names(runs, stage))
        + "</tbody></table>"
        for stage in STAGES
        if _names(runs, stage)
    )


def _names(runs: Sequence[_Run], stage: str) -> list[str]:
    """Gates of a stage that have ever judged anything."""
    return sorted({name for run in runs for name, outcomes in run.gates.items() if outcomes and name.startswith(stage)})


def _gate_row(name: str, runs: Sequence[_Run], zone: ZoneInfo) -> str:
    history = [(run, run.gates.get(name)) for run in runs]
    marks = [(run, _state(outcomes), _failed_ids(outcomes)) for run, outcomes in history if outcomes is not None]
    relation = name.split(".", 1)[1]
    return (
        f'<tr><td><a href="#{escape(name)}">{escape(relation)}</a><td>{_strip(runs, marks, zone)}'
        f'<td class="{marks[-1][1]}">{marks[-1][1]}'
    )


def _failed_ids(outcomes: Sequence[Entry]) -> str:
    failed = sorted({entry["expectation_id"] for entry in outcomes if not entry["passed"]})
    return ", ".join(failed) or "everything held"


def _strip(runs: Sequence[_Run], marks: Sequence[tuple[_Run, str, str]], zone: ZoneInfo) -> str:
    place = {run.run_id: number for number, run in enumerate(runs)}
    cells = "".join(
        f"<g><title>{run.judged_at.astimezone(zone):%Y-%m-%d %H:%M} {state}: {escape(said)}</title>"
        f"{_mark(state, place[run.run_id] * _CELL)}</g>"
        for run, state, said in marks
    )
    states = ", ".join(f"{count} {state}" for state, count in Counter(state for _, state, _ in marks).items())
    return f'<svg width="{_RUNS * _CELL}" height="{_STRIP}" role="img" aria-label="{states}">{cells}</svg>'


def _mark(state: str, left: int) -> str:
    """A state by height as well as by colour: the worse, the taller."""
    height = {"closed": 20, "accepted": 14, "warned": 9, "open": 4}[state]
    return f'<rect class="{state}" x="{left + 1}" y="{_STRIP - height}" width="{_CELL - 2}" height="{height}" rx="1"/>'


def _expectations(runs: Sequence[_Run], zone: ZoneInfo) -> str:
    return "".join(_of_gate(name, runs, zone) for stage in STAGES for name in _names(runs, stage))


def _of_gate(name: str, runs: Sequence[_Run], zone: ZoneInfo) -> str:
    history: dict[str, list[tuple[_Run, list[Entry]]]] = defaultdict(list)
    for run in runs:
        for expectation in dict.fromkeys(entry["expectation_id"] for entry in run.gates.get(name, ())):
            own = [entry for entry in run.gates[name] if entry["expectation_id"] == expectation]
            history[expectation].append((run, own))
    now = _state(entry for per_run in history.values() for entry in per_run[-1][1])
    rows = "".join(_expectation_row(expectation, per_run, runs, zone) for expectation, per_run in history.items())
    return (
        f'<details id="{escape(name)}"{"" if now == "open" else " open"}><summary>{escape(name.replace(".", "/", 1))} '
        f'<span class="{now}">{now}</span></summary>'
        f"<table><thead><tr><th>expectation<th>runs<th>last seen</thead><tbody>{rows}</tbody></table></details>"
    )


def _expectation_row(
    expectation: str, per_run: Sequence[tuple[_Run, list[Entry]]], runs: Sequence[_Run], zone: ZoneInfo
) -> str:
    marks = [(run, _state(own), _observed(own)) for run, own in per_run]
    last = per_run[-1][1][0]
    return (
        f"<tr><td><b>{escape(expectation)}</b><small>{escape(last['why'])}</small><td>{_strip(runs, marks, zone)}"
        f'<td class="{marks[-1][1]}">{escape(marks[-1][2])}<small>{escape(str(last["severity"]))}</small>'
    )


def _observed(own: Sequence[Entry]) -> str:
    """What was seen; of a failure in many partitions, how many and the first."""
    failed = [entry for entry in own if not entry["passed"]] or list(own)
    first = failed[0]
    where = f"{first['partition']}: " if first["partition"] else ""
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{where}{first['observed']}{more}"


def _quarantine(receipts: Sequence[Receipt]) -> str:
    by_feed: dict[str, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        by_feed[receipt.feed].append(receipt)
    return "".join(_quarantine_of(feed, own) for feed, own in sorted(by_feed.items())) or "<p>Nothing has arrived.</p>"


def _quarantine_of(feed: str, receipts: Sequence[Receipt]) -> str:
    read = sum(receipt.rows_read for receipt in receipts)
    quarantined = sum(receipt.rows_quarantined for receipt in receipts)
    reasons: Counter[str] = Counter()
    for receipt in receipts:
        reasons.update(receipt.reasons)
    days = sorted({receipt.dt for receipt in receipts})[-_DAYS:]
    refused = sum(receipt.status == "REFUSED" for receipt in receipts)
    head = (
        f"<h3>{escape(feed)}</h3><p>{quarantined:,} of {read:,} rows in {len(receipts):,} deliveries"
        + (f"; {refused} refused" if refused else "")
        + "</p>"
    )
    if not reasons:
        return head
    rows = "".join(
        f"<tr><td>{escape(reason)}<td>{_by_day(receipts, reason, days)}<td>{count:,}"
        f"<small>{100 * count / max(read, 1):.3f} %</small>"
        for reason, count in reasons.most_common()
    )
    return f"{head}<table><thead><tr><th>reason<th>{days[0]} to {days[-1]}<th>rows</thead><tbody>{rows}</tbody></table>"


def _by_day(receipts: Sequence[Receipt], reason: str, days: Sequence[date]) -> str:
    """Rows of a reason by day, as bars against the busiest day."""
    counts = {receipt.dt: receipt.reasons.get(reason, 0) for receipt in receipts}
    most = max((counts.get(day, 0) for day in days), default=0)
    width = _RUNS * _CELL / max(len(days), 1)
    bars = "".join(
        f'<rect x="{number * width:.1f}" y="{_STRIP - height:.1f}" width="{max(width - 0.5, 0.5):.1f}" '
        f'height="{height:.1f}"><title>{day}: {counts[day]:,}</title></rect>'
        for number, day in enumerate(days)
        if (height := (_STRIP - 2) * counts.get(day, 0) / max(most, 1))
    )
    label = f"at most {most:,} rows a day"
    return f'<svg class="bars" width="{_RUNS * _CELL}" height="{_STRIP}" role="img" aria-label="{label}">{bars}</svg>'
