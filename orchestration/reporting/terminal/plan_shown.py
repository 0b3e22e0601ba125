"""How a plan looks in a terminal."""

from __future__ import annotations

from rich.console import Console

from orchestration.reporting.terminal.lists import fitting
from orchestration.state.planned import RunPlan
from orchestration.warehouse.disk import gigabytes

_MOST_CAUSES = 3


def print_plan(console: Console, found: RunPlan) -> None:
    """A line per relation to build, and what it comes to."""
    if found.waiting:
        console.print(f"Deliveries wait in landing: {', '.join(found.waiting)}")
    if not found.planned:
        console.print(f"Nothing would be built: {found.relations} relations are as they were made.")
    else:
        rows = []
        for one in found.planned:
            causes = ", ".join(one.because[:_MOST_CAUSES]) + (" …" if len(one.because) > _MOST_CAUSES else "")
            seconds = "" if one.seconds is None else f"{one.seconds:.1f} s"
            rows.append((one.relation, "whole" if one.is_whole else "where touched", causes, seconds))
        names = ("relation", "built", "because of", ">about")
        console.print(fitting(console, names, rows, needed=("relation", ">about")))
        unknown = sum(one.seconds is None for one in found.planned)
        console.print(
            f"{len(found.planned)} of {found.relations} relations, about {found.seconds:.0f} s"
            + (f", and {unknown} of which nobody knows how long they take" if unknown else "")
        )
        if any(one.rests_on_rows for one in found.planned):
            console.print(
                "What is built because of a parent alone stays as it is if the parent's rows come out the same."
            )
    needed, free = gigabytes(found.disk.needed), gigabytes(found.disk.free)
    console.print(f"Disk: about {needed} needed, {free} free", style=None if found.disk.is_enough else "red")
