"""The headline as a table."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from orchestration.reporting.headline import Headline
from orchestration.reporting.terminal.lists import plain_table


def print_headline(console: Console, headline: Headline) -> None:
    """The table that a newspaper would print, with both denominators of the share."""
    console.print(
        Text.assemble(
            (f"\n{headline.port_outs_cumulative:,} lines left {headline.provider_group}", "bold"),
            f" from {headline.starts_on} to {headline.as_of_date}, {headline.port_outs_day:,} of them on the last day "
            f"({headline.incident_id})",
        )
    )
    table = plain_table("to", ">that day", ">since the start", ">% of all", ">% of moves between operators")
    for entry in headline.destinations:
        table.add_row(
            entry.group, f"{entry.port_outs_day:,}", f"{entry.port_outs_cumulative:,}",
            _pct(entry.share_all_pct), _pct(entry.share_mno_pct),
        )  # fmt: skip
    table.add_section()
    table.add_row(
        "network operators", f"{headline.to_operators_day:,}", f"{headline.to_operators_cumulative:,}",
        _pct(headline.to_operators_pct), "100.0",
    )  # fmt: skip
    table.add_row("all", f"{headline.port_outs_day:,}", f"{headline.port_outs_cumulative:,}", "100.0", "")
    console.print(table)
    console.print(
        f"Joined {headline.port_ins_cumulative:,} · net {headline.net_adds_cumulative:+,} · "
        f"withdrawn by then {headline.port_outs_withdrawn_by_as_of:,}, ever {headline.port_outs_withdrawn_ever:,} "
        "(still counted as departures)"
    )


def _pct(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
