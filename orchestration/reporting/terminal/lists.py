"""Tables and lists that fit a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

#: Of a list, as many are named.
LONGEST_LIST = 6


def plain_table(*names: str) -> Table:
    """A table without a frame, so that it fits a narrow terminal: nothing is cut, and what is too long goes on below.

    `>` before a column's name sets what stands below it, numbers, to the right. The first column stays on its line.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(
            name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold",
            no_wrap=name == names[0],
        )  # fmt: skip
    return table


def fitting(console: Console, names: Sequence[str], rows: Sequence[Sequence[str]], needed: Collection[str]) -> Table:
    """A plain table of all columns if the terminal has room for them with no word broken, else of the `needed` ones."""
    whole = _filled(names, rows)
    if _unbounded(console, whole).minimum <= console.width:
        return whole
    places = [place for place, name in enumerate(names) if name in needed]
    return _filled([names[place] for place in places], [[row[place] for place in places] for row in rows])


def _filled(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table with its rows; a column of single words stays on its line."""
    table = plain_table(*names)
    for row in rows:
        table.add_row(*row)
    for place, column in enumerate(table.columns):
        column.no_wrap = not any(" " in row[place] for row in rows)
    return table


def fits(console: Console, table: Table) -> bool:
    """Whether a table fits the terminal with nothing cut or broken."""
    return _unbounded(console, table).maximum <= console.width


def _unbounded(console: Console, table: Table) -> Measurement:
    return console.measure(table, options=console.options.update(max_width=10_000))


def listed(items: list[str], what: str = "days") -> str:
    """The first of a list's items, and how many more there are."""
    more = len(items) - LONGEST_LIST
    return ", ".join(items[:LONGEST_LIST]) + (f" and {more} more {what}" if more > 0 else "")
