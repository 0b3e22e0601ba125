"""Tables and lists that fit a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

#: Of a list, as many are named.
LONGEST_LIST = 6


def plain_table(*names: str) -> Table:
    """A table without a frame, so that it fits a narrow terminal; its first column is never cut.

    `>` before a column's name sets what stands below it, numbers, to the right.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(
            name.removeprefix(">"), justify="right" if name.startswith(">") else "left", no_wrap=name == names[0]
        )
    return table


def fits(console: Console, table: Table) -> bool:
    """Whether a table fits the terminal with nothing cut or broken."""
    return console.measure(table, options=console.options.update(max_width=10_000)).maximum <= console.width


def listed(items: list[str], what: str = "days") -> str:
    """The first of a list's items, and how many more there are."""
    more = len(items) - LONGEST_LIST
    return ", ".join(items[:LONGEST_LIST]) + (f" and {more} more {what}" if more > 0 else "")
