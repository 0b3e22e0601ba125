"""How a run, a status and a headline look in a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from orchestration.base.settings import Settings
from orchestration.base.site_profile import Site
from orchestration.contracts import Feed
from orchestration.ingest.arrivals import deliveries, newest_receipts
from orchestration.reporting.failures import Failure
from orchestration.reporting.headline import Headline
from orchestration.serving.generations import Publication
from orchestration.site.money import money
from orchestration.state.punctuality import Punctuality
from orchestration.state.run_report import Exit, RunReport
from orchestration.state.status import GateStatus, Status, read_status

if TYPE_CHECKING:
    from orchestration.rules.backtest import Backtest
    from orchestration.rules.explain import Explanation
    from orchestration.rules.weigh import Weight
    from orchestration.simulator import SimulationSummary
    from orchestration.state.runs import Run

_LONGEST_LIST = 6
_A_MINUTE = 60


class RunDisplay:
    """Progress of a run: the step at work, how far it has got, how long it may still take, and what has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, refresh_per_second=8)
        self._started: dict[str, float] = {}
        self._left: dict[str, float] = {}
        self._steps = 0

    def __enter__(self) -> RunDisplay:
        self._live.start()
        self._live.update(Spinner("dots", "starting"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def on_plan(self, seconds: Mapping[str, float]) -> None:
        """Take the steps to come, each with the seconds that it took last time."""
        self._left, self._steps = dict(seconds), len(seconds)

    def on_event(self, step: str, message: str, has_ended: bool) -> None:
        """Take one event of the run."""
        started = self._started.setdefault(step, monotonic())
        if has_ended:
            self._left.pop(step, None)
            self._console.print(f"  {step:<32} {monotonic() - started:6.1f} s")
        else:
            at_work = f"{step} {message.splitlines()[0][:80] if message else ''}"
            self._live.update(Spinner("dots", f"{at_work}  {self._remaining(step, monotonic() - started)}"))

    def _remaining(self, step: str, worked: float) -> str:
        done = f"step {self._steps - len(self._left) + 1} of {self._steps}"
        seconds = sum(self._left.values()) - min(worked, self._left.get(step, 0))
        return f"[dim]{done}, about {_duration(seconds)} left[/]" if seconds else f"[dim]{done}[/]"


class StepDisplay:
    """Progress of what is done in steps: each that has ended, with its seconds; in a pipe, too."""

    def __init__(self, console: Console, doing: str) -> None:
        self._console, self._began = console, monotonic()
        self._status = console.status(f"{doing}: this takes minutes")

    def __enter__(self) -> StepDisplay:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def on_step(self, step: str) -> None:
        """Take the name of a step that has ended."""
        now = monotonic()
        self._console.print(f"  {step.replace('_', ' '):<32} {now - self._began:6.1f} s")
        self._began = now


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _A_MINUTE else f"{seconds / _A_MINUTE:.0f} min"


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
        console.print("[red]Nothing was published; what was published before stays readable.[/]")
    arrived = {delivery.dt for delivery in deliveries(settings, feeds, days)}
    arrived |= {dt for _, dt in newest_receipts(settings)}
    if nothing := [str(day) for day in days if day not in arrived]:
        console.print(f"[yellow]Nothing has arrived[/] of any feed for {_listed(nothing)}")
    print_exceptions(console, read_status(settings, feeds))


def print_exceptions(console: Console, status: Status) -> None:
    """Only what is wrong: feeds missing, late or refused, gates closed, relations held back."""
    if absent := ", ".join(feed.feed for feed in status.feeds if feed.is_absent):
        console.print(f"By site.toml there is no {absent}; what needs them is empty", style="dim")
    for feed in status.feeds:
        if feed.is_absent:
            continue
        if not feed.has_arrived:
            console.print(f"[yellow]{feed.feed}[/]: has never arrived; what needs it is empty")
            continue
        if feed.missing:
            console.print(f"[yellow]{feed.feed}[/]: no delivery for {_listed([str(day) for day in feed.missing])}")
        if feed.is_late:
            console.print(f"[red]{feed.feed}[/]: late; the newest delivery is for {feed.newest_dt}")
        for day, reason in feed.refused.items():
            console.print(f"[red]{feed.feed}[/]: {day} refused: {escape(reason)}")
    for unread in status.unread[:_LONGEST_LIST]:
        console.print(f"[yellow]not read[/]: {escape(unread)}", soft_wrap=True)
    if len(status.unread) > _LONGEST_LIST:
        console.print(f"  and {len(status.unread) - _LONGEST_LIST} more in landing")
    _print_gates(console, status)
    if status.publication and (held := status.publication.held_back):
        causes = sorted({cause for causes in held.values() for cause in causes})
        console.print(
            f"[red]{len(held)} relation{'s are' if len(held) > 1 else ' is'} held back[/] by {', '.join(causes)}: "
            f"{_listed(sorted(held), 'relations')}",
            soft_wrap=True,
        )


def _print_gates(console: Console, status: Status) -> None:
    """Gates that are closed, that would be, had nobody accepted it, and that warn."""
    for gate in status.closed_gates:
        _print_closed_gate(console, gate)
    for accepted in status.accepted_failures:
        console.print(
            f"[yellow]{accepted.failure}[/] failed and was accepted by {accepted.accepted_by}: "
            + escape(accepted.reason)
        )
    for warned in status.warnings:
        said = escape(f"{warned.observed}; expected: {warned.expected}")
        console.print(f"[yellow]Gate {warned.expectation} warns[/]{warned.where}: {said}", soft_wrap=True)


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


def _print_closed_gate(console: Console, gate: GateStatus) -> None:
    """Which expectation, where, how to look, how to override."""
    name = f"{gate.stage}/{gate.relation}"
    console.print(f"[red]Gate {name} is closed[/]")
    for failure in gate.closing[:_LONGEST_LIST]:
        where = f" on {failure.partition}" if failure.partition else ""
        said = escape(f"{failure.observed}; expected: {failure.expected}")
        console.print(f"  {failure.expectation_id}{where}: {said}")
        console.print(f"    {escape(failure.why)}")
    if len(gate.closing) > _LONGEST_LIST:
        console.print(f"  and {len(gate.closing) - _LONGEST_LIST} more failures")
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
        console.print(f"\n[bold]{said.expectation_id}{where}[/] ({said.severity}): {escape(said.observed)}")
        console.print(escape(f"expected: {said.expected}\n{said.why}"))
        if said.accepted_by:
            console.print(escape(f"accepted by {said.accepted_by}: {said.accepted_reason}"))
        if not failure.rows:
            console.print("No single row is to blame.")
            continue
        _print_rows(console, failure.rows)


def _print_rows(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table if it fits, else one below the other, a line a column."""
    cells = [{column: "" if cell is None else escape(str(cell)) for column, cell in row.items()} for row in rows]
    table = plain_table(*cells[0])
    for row in cells:
        table.add_row(*row.values())
    if _fits(console, table):
        console.print(table)
        return
    width = max(map(len, cells[0]))
    for number, row in enumerate(cells, 1):
        console.print(f"row {number}", *(f"  {column:<{width}}  {cell}" for column, cell in row.items()), sep="\n")


def _fits(console: Console, table: Table) -> bool:
    """Whether a table fits the terminal with nothing cut or broken."""
    return console.measure(table, options=console.options.update(max_width=10_000)).maximum <= console.width


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
    console.print(table if _fits(console, table) else narrow)
    print_exceptions(console, status)
    if status.publication:
        through = status.publication.data_through
        told = f"data through {through}" if through else "no mart holds a day yet"
        by = status.publication.engine
        console.print(f"Published: generation {status.publication.generation}, built by {by}, {told}")
    else:
        console.print("Nothing is published yet.")


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
    console.print("\n[bold]Open these pages[/]: the mornings of 3 and 13 January, and the last one")
    console.print(*(f"  {page}" for page in pages), sep="\n", soft_wrap=True)
    console.print("\n[bold]Where to look next[/]")
    console.print(table)
    if shutil.which("ringfence") is None:
        console.print(
            f'\nThe command is on the PATH after  export PATH="{command.resolve().parent}:$PATH"', soft_wrap=True
        )


def print_generations(console: Console, kept: Sequence[Publication], now: Publication | None) -> None:
    """The publications that are kept, named by their time (UTC), and which of them readers see."""
    table = plain_table("generation", ">relations", ">rows", ">held back", "")
    for entry in kept:
        table.add_row(
            entry.generation, str(len(entry.relations)),
            f"{sum(relation.rows for relation in entry.relations):,}", str(len(entry.held_back)),
            "current" if now and entry.generation == now.generation else "",
        )  # fmt: skip
    console.print(table)


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    """The last runs, in the reader's own time; a run is named as long as its name tells it from others."""
    table = plain_table("run", "asked for", ">seconds", "days", "ended", "published")
    for run in runs:
        days = run.first_day if run.first_day == run.last_day else f"{run.first_day} to {run.last_day}"
        table.add_row(
            run.run_id[:8], f"{run.asked_at.astimezone():%Y-%m-%d %H:%M}",
            "" if run.seconds is None else f"{run.seconds:,.0f}", days or "", run.status.lower(), run.generation or "",
        )  # fmt: skip
    console.print(table if runs else "Nothing has run yet.")


def print_headline(console: Console, headline: Headline) -> None:
    """The table that a newspaper would print, with both denominators of the share."""
    console.print(
        f"\n[bold]{headline.port_outs_cumulative:,} lines left {headline.provider_group}[/] from "
        f"{headline.starts_on} to {headline.as_of_date}, {headline.port_outs_day:,} of them on the last day "
        f"({headline.incident_id})"
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


def _listed(items: list[str], what: str = "days") -> str:
    more = len(items) - _LONGEST_LIST
    return ", ".join(items[:_LONGEST_LIST]) + (f" and {more} more {what}" if more > 0 else "")


def print_backtest(console: Console, tried: Backtest) -> None:
    """The rules in force beside the changed ones, and which payments make the difference."""
    table = plain_table("", ">in force", ">changed")
    for label, measure, form in (
        ("alerts", "alerts", "{:,}"),
        ("alerts a day", "alerts_per_day", "{:.1f}"),
        ("most alerts on one day", "most_alerts_a_day", "{:,}"),
        ("alerts an analyst and day", "alerts_per_analyst_day", "{:.1f}"),
        ("alerts without a verdict", "undecided", "{:,}"),
        ("  of these undisputed: taken for honest", "undisputed", "{:,}"),
        ("precision if the undecided are honest, %", "precision_low_pct", "{:.1f}"),
        ("precision of decided alerts, %", "precision_high_pct", "{:.1f}"),
        ("precision of matured months, %", "precision_matured_pct", "{:.1f}"),
        ("recall of confirmed frauds, %", "recall_pct", "{:.1f}"),
        ("their value alerted, %", "value_alerted_pct", "{:.1f}"),
        ("  after the line's first alert, %", "value_preventable_by_line_pct", "{:.1f}"),
        ("  after the cell's first alert, %", "value_preventable_by_cell_pct", "{:.1f}"),
        ("  while the block list held it, %", "value_preventable_pct", "{:.1f}"),
        ("median hours to alert", "hours_to_alert", "{:.1f}"),
    ):
        values = [getattr(detection, measure) for detection in (tried.in_force, tried.changed)]
        table.add_row(label, *("–" if value is None else form.format(value) for value in values))
    console.print(table)
    change = tried.changed.undecided - tried.in_force.undecided
    console.print(
        f"Alerts without a verdict: {change:+,}. Precision lies between that of all alerts and that of the decided "
        "ones; of what is alerted anew, nobody was asked."
    )
    for what, counts, payments in (
        ("More", tried.gained, tried.gained_payments),
        ("No longer", tried.lost, tried.lost_payments),
    ):
        kinds = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        named = f", such as {', '.join(payments)}" if payments else ""
        console.print(f"{what} alerted: {kinds or 'none'}{named}")


def print_weights(console: Console, weights: Sequence[Weight]) -> None:
    """What verdicts say of each rule, and the points that they would give it beside those that it has."""
    table = plain_table("rule", ">frauds hit", ">of all, %", ">honest hit", ">of all, %", ">points", ">by evidence")
    for weight in weights:
        table.add_row(
            weight.rule_id, f"{weight.frauds_hit:,}", f"{weight.frauds_hit_pct:.1f}", f"{weight.honest_hit:,}",
            f"{weight.honest_hit_pct:.2f}", str(weight.points), str(weight.proposed),
        )  # fmt: skip
    console.print(table)


def print_explanation(console: Console, payment: Explanation, site: Site) -> None:
    """A payment, its score, and what each rule saw."""
    console.print(
        f"{escape(payment.payment_id)}: {money(payment.amount, site)} at {escape(payment.merchant_id)} "
        f"({escape(payment.merchant_category)}), {payment.occurred_at:%Y-%m-%d %H:%M:%S}, {payment.status}"
    )
    if payment.hits:
        console.print(_hits_table(payment))
    else:
        console.print("No rule hit it hard enough to be kept.")
    if payment.probability is not None:
        why = f": {payment.speaks_for_it}" if payment.speaks_for_it else ""
        console.print(escape(f"The score that learns gives it {100 * payment.probability:.1f} % to be fraud{why}."))
    since = f"{payment.alerted_at:%Y-%m-%d %H:%M}" if payment.alerted_at else ""
    said = f"An alert since {since}, in {payment.case_id}" if payment.case_id else "No alert"
    console.print(escape(f"{said}; verdict: {payment.verdict or 'none yet'}."))


def _hits_table(payment: Explanation) -> Table:
    table = plain_table("rule", ">version", ">points", "delivery of", "evidence")
    for hit in payment.hits:
        evidence = ", ".join(f"{name} {value}" for name, value in hit.evidence.items())
        table.add_row(hit.rule_id, str(hit.version), str(hit.points), str(hit.known_dt), escape(evidence))
    table.add_row("score", "", str(payment.score), "", "")
    return table
