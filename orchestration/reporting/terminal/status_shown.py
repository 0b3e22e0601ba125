"""What arrived, what is wrong, what ran and what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.ingest.arrivals import deliveries, newest_receipts
from orchestration.reporting.terminal.gates_shown import print_gates
from orchestration.reporting.terminal.lists import LONGEST_LIST, fits, fitting, listed, plain_table
from orchestration.serving.generations import Publication
from orchestration.state.punctuality import Punctuality
from orchestration.state.run_report import Exit, RunReport
from orchestration.state.status import Status, read_status

if TYPE_CHECKING:
    from orchestration.state.runs import Run


def print_run_report(
    console: Console, settings: Settings, feeds: Mapping[str, Feed], report: RunReport, days: Sequence[date] = ()
) -> None:
    """What was published, what is held back, what is missing, what failed in a run over these days."""
    if report.was_up_to_date:
        console.print("Already current: nothing has arrived or changed since the last publication.")
    if report.exit_code is Exit.INTERRUPTED:
        console.print(
            "Interrupted. What was ingested stays, and readers keep what was published before; the next run goes on "
            "from there."
        )
        return
    if report.publication:
        console.print(f"Published generation {report.publication.generation} in {settings.serving_dir / 'current'}")
    if report.exit_code is Exit.NOTHING_PUBLISHED:
        console.print("Nothing was published; what was published before stays readable.", style="red")
    arrived = {delivery.dt for delivery in deliveries(settings, feeds, days)}
    arrived |= {dt for _, dt in newest_receipts(settings)}
    if nothing := [str(day) for day in days if day not in arrived]:
        console.print(Text.assemble(("Nothing has arrived", "yellow"), f" of any feed for {listed(nothing)}"))
    print_exceptions(console, read_status(settings, feeds))


def print_nothing_yet(console: Console, settings: Settings, feeds: Mapping[str, Feed], status: Status) -> None:
    """Of an installation that has taken nothing in: what waits in landing, and what nobody would read there."""
    if waiting := ", ".join(dict.fromkeys(delivery.feed for delivery in deliveries(settings, feeds))):
        said = f"Deliveries wait in {settings.landing_dir}: {waiting}. `ringfence run` takes them in."
    else:
        said = f"Nothing has arrived yet in {settings.landing_dir}."
    console.print(said, soft_wrap=True)
    _print_unread(console, status)
    console.print("Nothing is published yet.")


def print_exceptions(console: Console, status: Status) -> None:
    """Only what is wrong: feeds missing, late or refused, gates closed, relations held back."""
    if absent := ", ".join(feed.feed for feed in status.feeds if feed.is_absent):
        console.print(f"By site.toml there is no {absent}; what needs them is empty", style="dim")
    for feed in status.feeds:
        if feed.is_absent:
            continue
        if not feed.has_arrived:
            console.print(Text.assemble((feed.feed, "yellow"), ": has never arrived; what needs it is empty"))
            continue
        if feed.missing:
            console.print(
                Text.assemble((feed.feed, "yellow"), f": no delivery for {listed([str(day) for day in feed.missing])}")
            )
        if feed.is_late:
            console.print(Text.assemble((feed.feed, "red"), f": late; the newest delivery is for {feed.newest_dt}"))
        for day, reason in feed.refused.items():
            console.print(Text.assemble((feed.feed, "red"), f": {day} refused: {reason}"))
    _print_unread(console, status)
    print_gates(console, status)
    if status.publication and (held := status.publication.held_back):
        causes = sorted({cause for causes in held.values() for cause in causes})
        console.print(
            Text.assemble(
                (f"{len(held)} relation{'s are' if len(held) > 1 else ' is'} held back", "red"),
                f" by {', '.join(causes)}: {listed(sorted(held), 'relations')}",
            ),
            soft_wrap=True,
        )


def _print_unread(console: Console, status: Status) -> None:
    for unread in status.unread[:LONGEST_LIST]:
        console.print(Text.assemble(("not read", "yellow"), f": {unread}"), soft_wrap=True)
    if len(status.unread) > LONGEST_LIST:
        console.print(f"  and {len(status.unread) - LONGEST_LIST} more in landing")


def print_status(console: Console, status: Status) -> None:
    """All feeds, then what is wrong, then the publication; a narrow terminal gets fewer columns."""
    table = plain_table("feed", "first", "newest", ">days", ">missing", ">refused", "state")
    narrow = plain_table("feed", "newest", "state")
    for feed in status.feeds:
        state = "" if feed.punctuality is Punctuality.IN_TIME else feed.punctuality
        missing, refused = len(feed.missing), len(feed.refused)
        newest = str(feed.newest_dt or "")
        table.add_row(
            feed.feed, str(feed.first_dt or ""), newest, str(feed.deliveries), str(missing or ""), str(refused or ""),
            state,
        )  # fmt: skip
        counts = (f"{missing} missing" if missing else "", f"{refused} refused" if refused else "", state)
        narrow.add_row(feed.feed, newest, ", ".join(filter(None, counts)))
    console.print(table if fits(console, table) else narrow)
    print_exceptions(console, status)
    if status.publication:
        through = status.publication.data_through
        told = f"data through {through}" if through else "no mart holds a day yet"
        by = status.publication.engine
        console.print(f"Published: generation {status.publication.generation}, built by {by}, {told}")
    else:
        console.print("Nothing is published yet.")


def print_generations(console: Console, kept: Sequence[Publication], now: Publication | None) -> None:
    """The publications that are kept, named by their time (UTC), and which of them readers see."""
    names = ("generation", ">relations", ">rows", ">held back", "")
    rows = [
        (
            entry.generation, str(len(entry.relations)),
            f"{sum(relation.rows for relation in entry.relations):,}", str(len(entry.held_back)),
            "current" if now and entry.generation == now.generation else "",
        )
        for entry in kept
    ]  # fmt: skip
    table = fitting(console, names, rows, needed=("generation", ">rows", ""))
    console.print(table if kept else "Nothing has been published yet.")


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    """The last runs, in the reader's own time; a run is named as long as its name tells it from others."""
    rows = []
    for run in runs:
        days = run.first_day if run.first_day == run.last_day else f"{run.first_day} to {run.last_day}"
        rows.append((
            run.run_id[:8], f"{run.asked_at.astimezone():%Y-%m-%d %H:%M %Z}",
            "" if run.seconds is None else f"{run.seconds:,.0f}", days or "", run.status.lower(), run.generation or "",
        ))  # fmt: skip
    names = ("run", "asked for", ">seconds", "days", "ended", "published")
    table = fitting(console, names, rows, needed=("run", "asked for", "published"))
    console.print(table if runs else "Nothing has run yet.")
