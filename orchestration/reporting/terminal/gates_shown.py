"""Gates that are closed, accepted or warn, and the rows that a failure is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestration.reporting.failures import Failure
from orchestration.reporting.terminal.lists import LONGEST_LIST, fits, plain_table
from orchestration.state.status import GateStatus, Status


def print_gates(console: Console, status: Status) -> None:
    """Gates that are closed, that would be, had nobody accepted it, and that warn."""
    for gate in status.closed_gates:
        _print_closed_gate(console, gate)
    for accepted in status.accepted_failures:
        said = f" failed and was accepted by {accepted.accepted_by}: {accepted.reason}"
        console.print(Text.assemble((accepted.failure, "yellow"), said))
    for warned in status.warnings:
        said = f"{warned.where}: {warned.observed}; expected: {warned.expected}"
        console.print(Text.assemble((f"Gate {warned.expectation} warns", "yellow"), said), soft_wrap=True)


def _print_closed_gate(console: Console, gate: GateStatus) -> None:
    """Which expectation, where, how to look, how to override."""
    name = f"{gate.stage}/{gate.relation}"
    console.print(f"Gate {name} is closed", style="red")
    for failure in gate.closing[:LONGEST_LIST]:
        where = f" on {failure.partition}" if failure.partition else ""
        console.print(f"  {failure.expectation_id}{where}: {failure.observed}; expected: {failure.expected}")
        console.print(f"    {failure.why}")
    if len(gate.closing) > LONGEST_LIST:
        console.print(f"  and {len(gate.closing) - LONGEST_LIST} more failures")
    first = f"{name}:{gate.closing[0].expectation_id}"
    console.print(f"  to look:   ringfence gates show {first}")
    console.print(f"  to accept: ringfence run … --accept {first} --reason '…'")


def print_failures(console: Console, gate: str, failures: Sequence[Failure]) -> None:
    """Every failure of a gate with its rows, masked."""
    if not failures:
        console.print(f"{gate}: nothing failed.")
    for failure in failures:
        said = failure.said
        where = f" on {said.partition}" if said.partition else ""
        seen = f" ({said.severity}): {said.observed}"
        console.print(Text.assemble((f"\n{said.expectation_id}{where}", "bold"), seen))
        console.print(f"expected: {said.expected}\n{said.why}")
        if said.accepted_by:
            console.print(f"accepted by {said.accepted_by}: {said.accepted_reason}")
        if not failure.rows:
            console.print("No single row is to blame.")
            continue
        _print_rows(console, failure.rows)


def _print_rows(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table if it fits, else one below the other, a line a column."""
    cells = [{column: "" if cell is None else str(cell) for column, cell in row.items()} for row in rows]
    table = plain_table(*cells[0])
    for row in cells:
        table.add_row(*row.values())
    if fits(console, table):
        console.print(table)
        return
    width = max(map(len, cells[0]))
    for number, row in enumerate(cells, 1):
        console.print(f"row {number}", *(f"  {column:<{width}}  {cell}" for column, cell in row.items()), sep="\n")
