"""How a traced figure looks in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby

from rich.console import Console
from rich.text import Text

from orchestration.evidence.comparison import Comparison
from orchestration.evidence.deliveries import Delivery
from orchestration.evidence.ledger import Ledger
from orchestration.evidence.trace import GateSeen, Trace
from orchestration.evidence.verification import Finding
from orchestration.reporting.spelled import spelled

_HASH = 12
_LONGEST_LIST = 12


def print_trace(console: Console, found: Trace) -> None:
    """Say where a figure comes from, in sections."""
    console.print(Text.assemble((spelled(found.value), "bold"), f" ({found.unit}): {found.figure}"), soft_wrap=True)
    for title, lines in (
        ("What it is", _definition(found)),
        ("How it came about", _descent(found)),
        ("The deliveries it rests on", _deliveries(found)),
        ("The gates that looked at it", _gates(found)),
        ("What was accepted", _accepted(found.accepted)),
        ("What could still change it", found.may_change or ["nothing that is known of"]),
        ("What it was before", _history(found)),
    ):
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  {line}", soft_wrap=True)


def print_ledger(console: Console, found: Ledger) -> None:
    """Say which rows a figure counts, and which of the same deliveries it does not."""
    agrees = "as published" if found.recounted == found.value else f"NOT as published: {spelled(found.value)}"
    said = f", counted one by one, {agrees}: {found.figure}"
    console.print(Text.assemble((spelled(found.recounted), "bold"), said), soft_wrap=True)
    said = " are in the deliveries that it rests on"
    console.print(Text.assemble((f"\n{found.rows_read:,} records", "bold"), said))
    for outcome, count in found.outcomes.items():
        console.print(f"  {count:>10,}  {outcome}", soft_wrap=True)
    console.print(f"  {found.unexplained:>10,}  unexplained")
    for one in found.not_located:
        console.print(f"  {one} is no longer in landing as it was: where in its files a row stood is not known")
    for outcome, group in groupby(found.rows, key=lambda row: row.outcome):
        console.print(f"\n{outcome}", style="bold", soft_wrap=True)
        for row in group:
            place = f"{row.file}, record {row.row_number:,}" if row.file and row.row_number else "file not known"
            who = " ".join(part for part in (row.key, row.state and f"state {row.state}", row.pseudonym) if part)
            console.print(f"  {who}{' ' if who else ''}({row.dt} rev {row.rev}, {place})", soft_wrap=True)


def print_comparison(console: Console, found: Comparison) -> None:
    """Say what a difference is made of."""
    for value, name in ((found.first_value, found.first), (found.second_value, found.second)):
        console.print(f"{spelled(value):>12}  {name}", soft_wrap=True)
    console.print(f"{signed(found.difference):>12}  difference, of which")
    for part in found.parts:
        rows = f" ({part.rows:,} {found.noun})" if part.rows and abs(part.effect) != part.rows else ""
        console.print(f"{signed(part.effect):>12}    {part.name}{rows}", soft_wrap=True)
    console.print(f"{signed(found.unexplained):>12}    still unexplained")


def print_finding(console: Console, found: Finding) -> None:
    """Say what became of one thing that was looked at."""
    mark = {True: ("confirmed", "green"), False: ("refuted  ", "red"), None: ("not told ", "")}[found.is_confirmed]
    console.print(Text.assemble(mark, f"  {found.subject}: {found.detail}"), soft_wrap=True)


def signed(value: float) -> str:
    """A change as people read it."""
    return f"+{spelled(value)}" if value > 0 else spelled(value)


def minute(instant: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _definition(found: Trace) -> Iterator[str]:
    yield found.definition
    yield f"Scope: {found.scope}"
    code = f", code {found.code}" if found.code else ""
    yield f"View: {found.view}; generation {found.generation}, published {minute(found.published_at)}{code}"
    if found.days:
        first, last = found.days
        yield f"It speaks of {first}" + (f" to {last}" if last > first else "")
    if found.rows > 1:
        yield f"It is the sum of {found.rows} rows" if found.is_sum else f"It stands in each of {found.rows} rows"
    if found.shown != found.value:
        yield f"The open file shows {spelled(found.shown)}, because small groups are merged there"
    interval = {name: value for name, value in found.row.items() if _is_of_estimate(name) and value is not None}
    if interval:
        yield "Of its estimate: " + ", ".join(f"{name} {spelled(value)}" for name, value in interval.items())


def _is_of_estimate(column: str) -> bool:
    words = column.split("_")
    return bool({"low", "high", "baseline", "interval", "coverage", "shapes", "note", "matched"} & set(words))


def _descent(found: Trace) -> Iterator[str]:
    for step in found.steps:
        by = f" [model {step.model_sha256[:_HASH]}]" if step.model_sha256 else " [as delivered]"
        yield f"{step.relation}: {', '.join(step.columns) or 'passed through'}{by}"
    if found.counts:
        yield f"Counted are {found.counts} for which " + " and ".join(found.conditions)
        agrees = "as published" if found.recounted == found.value else "NOT as published"
        yield f"Counted again, one by one: {spelled(found.recounted)}, {agrees}"
    else:
        yield f"Built from {len(found.models)} models; which single rows it counts is not said"


def _deliveries(found: Trace) -> Iterator[str]:
    for feed, group in groupby(found.deliveries, key=lambda one: one.feed):
        all_of_feed = list(group)
        shown = all_of_feed[:_LONGEST_LIST]
        for one in shown:
            yield from _delivery(one)
        if rest := all_of_feed[_LONGEST_LIST:]:
            counted = sum(one.rows_counted or 0 for one in rest)
            yield f"{feed}: {len(rest)} more, with {counted:,} counted rows (--json lists all)"


def _delivery(one: Delivery) -> Iterator[str]:
    state = "" if one.is_in_force else ", replaced" if one.status == "ACCEPTED" else ", refused"
    counted = "" if one.rows_counted is None else f"; {one.rows_counted:,} tell what is counted"
    yield (
        f"{one.feed} {one.dt} rev {one.rev}{state}, delivered {minute(one.delivered_at)}: "
        f"{one.rows_read:,} rows read, {one.rows_accepted:,} accepted, {one.rows_quarantined:,} quarantined, "
        f"{one.rows_duplicate:,} duplicate{counted}"
    )
    for file in one.files:
        yield f"    {file.name}, {file.bytes:,} bytes, SHA-256 {file.sha256}"
    if one.reasons:
        yield "    quarantined: " + ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(one.reasons.items()))


def _gates(found: Trace) -> Iterator[str]:
    """One line a relation, and one for each expectation that did not hold."""
    for (stage, relation), group in groupby(found.gates, key=lambda gate: (gate.stage, gate.relation)):
        seen = list(group)
        failed = [gate for gate in seen if not gate.passed]
        yield f"{stage}/{relation}: {len(seen)} expectations, " + (f"{len(failed)} not held" if failed else "all held")
        for gate in failed:
            on = f" on {gate.partition}" if gate.partition else ""
            yield f"    {gate.severity} {gate.expectation_id}{on}: saw {gate.observed}; expected {gate.expected}"


def _accepted(accepted: Iterable[GateSeen]) -> list[str]:
    return [
        f"{gate.stage}/{gate.relation}:{gate.expectation_id}, by {gate.accepted_by}: {gate.accepted_reason}"
        for gate in accepted
    ] or ["nothing"]


def _history(found: Trace) -> Iterator[str]:
    for one in found.known_values:
        by = f", by {', '.join(one.deliveries)}" if one.deliveries else ""
        yield f"known on {one.known_on}: {spelled(one.value)}{by}"
    for published in found.published_values:
        yield f"generation {published.generation}: {spelled(published.value)}"
