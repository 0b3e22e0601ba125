"""What the sample holds, and where to look after the demo."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.base.settings import Settings
from orchestration.reporting.terminal.lists import plain_table

if TYPE_CHECKING:
    from orchestration.simulator import SimulationSummary


def print_simulation(console: Console, summary: SimulationSummary, seconds: float) -> None:
    """What was written, feed by feed."""
    table = plain_table("feed", ">days", ">rows", ">repeated", ">broken", ">MB")
    for feed, tally in summary.feeds.items():
        table.add_row(
            feed, str(tally.days), f"{tally.rows:,}", f"{tally.repeated:,}", f"{tally.broken:,}",
            f"{tally.bytes / 1e6:,.1f}",
        )  # fmt: skip
    console.print(f"Sample extracts in {summary.out} ({seconds:.0f} s)")
    console.print(table)


def print_next_steps(console: Console, settings: Settings, command: Path, pages: Sequence[Path]) -> None:
    """What there is to look at after the demo, each with how."""
    table = Table.grid(padding=(0, 2))
    for how, what in (
        ("ringfence ui", "the graph, the gates and the runs, in a browser"),
        ("ringfence reports", "the pages above and what every number means, served to a browser"),
        ("ringfence status", "what arrived, what is missing, what is published"),
        ("ringfence headline --help", "the same table for any day, and as it was known on any day"),
        ("make bi", "two dashboards in Superset, in an environment of its own"),
        (str(settings.serving_dir / "current" / "marts.duckdb"), "the open marts, for any tool that reads DuckDB"),
        ("docs/", "what every number means, how to add a feed, a gate, an incident"),
    ):
        table.add_row(f"  {how}", what)
    console.print(Text.assemble(("\nOpen these pages", "bold"), ": the mornings of 3 and 13 January, and the last one"))
    console.print(*(f"  {page}" for page in pages), sep="\n", soft_wrap=True)
    console.print("\nWhere to look next", style="bold")
    console.print(table)
    if shutil.which("ringfence") is None:
        console.print(
            f'\nThe command is on the PATH after  export PATH="{command.resolve().parent}:$PATH"', soft_wrap=True
        )
