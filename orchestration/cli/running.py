"""A morning: sample extracts, a run, and the demo, which is both."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from time import monotonic
from typing import Annotated, Literal

import typer

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings, origins, private_dir
from orchestration.cli.setting_up import init
from orchestration.cli.shell import app, err, out, settings
from orchestration.contracts import load_feeds

_DEMO_BEGINS, _DEMO_ENDS = datetime(2025, 8, 1), datetime(2026, 2, 28)


@app.command()
def simulate(
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Landing folder to write into; the installation's if left out.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="Which story to tell.")] = "kt_2025",
    panel: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the carrier's lines that billing covers.")
    ] = 0.02,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 20260103,
    dirt: Annotated[float, typer.Option(min=0, help="How dirty: 0 is clean, 1 is ordinary.")] = 1.0,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])] = _DEMO_BEGINS,
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])] = _DEMO_ENDS,
    file_format: Annotated[
        Literal["csv", "csv.gz", "parquet"],
        typer.Option("--format", help="Files as each source writes them, all compressed, or all Parquet."),
    ] = "csv",
    field_dirt: Annotated[
        bool, typer.Option("--field-dirt", help="Also what no contract announces: hidden files, odd spellings, ….")
    ] = False,
    provider_books: Annotated[
        bool, typer.Option("--provider-books", help="Also what providers' own books say of each port, for a regulator.")
    ] = False,
    truth: Annotated[
        Path | None, typer.Option(help="Folder for what the files do not tell: true effects, planted fraud, flaws.")
    ] = None,
) -> None:
    """Write sample extracts, calibrated on the published figures of the 2025 breach and exodus."""
    from orchestration.reporting.terminal.sample_shown import print_simulation
    from orchestration.simulator import package_fingerprint
    from orchestration.simulator import simulate as write

    out_folder = out_folder or settings().landing_dir
    wanted = {
        "scenario": scenario, "panel": panel, "seed": seed, "dirt": dirt,
        "from": str(first.date()), "to": str(last.date()), "format": file_format,
        "field_dirt": field_dirt, "provider_books": provider_books, "code": package_fingerprint(),
    }  # fmt: skip
    folders = [out_folder, *([truth] if truth else [])]
    marks = [private_dir(folder) / ".simulated.json" for folder in folders]
    if all(mark.exists() and json.loads(mark.read_text("utf-8")) == wanted for mark in marks):
        out.print(f"Sample extracts are in {out_folder} already.")
        return
    for mark in marks:
        mark.unlink(missing_ok=True)
    started = monotonic()
    with out.status("Writing sample extracts") as shown:
        summary = write(
            out_folder, seed=seed, panel=panel, dirt=dirt, scenario=scenario,
            first_day=first.date(), last_day=last.date(), file_format=file_format, field_dirt=field_dirt, truth=truth,
            provider_books=provider_books,
            progress=lambda what, done, total: shown.update(f"Writing sample extracts: {what} {done}/{total}"),
        )  # fmt: skip
    for mark in marks:
        replace_text(mark, json.dumps(wanted))
    print_simulation(out, summary, monotonic() - started)


@app.command()
def run(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First extract date.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last extract date, included.")],
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="GATE:EXPECTATION[@DAY]", help="Let this failure through; may be repeated."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why it may pass; kept with the verdict.")] = None,
) -> None:
    """Ingest, build, judge and publish these extract dates.

    --accept raw/payments:volume_low@2026-01-03 lets a failure through that has closed a gate, for these rows only: the
    next failure closes it again. It needs a --reason, and stands in ops.gate_result and on the publication.

    Exit 0: published, nothing held back; 2: published, something held back by a gate; 3: nothing published because of
    data; 130: interrupted; 1: infrastructure.
    """
    raise typer.Exit(_run(settings(), first.date(), last.date(), accept or (), reason))


def _run(configured: Settings, first: date, last: date, accept: Sequence[str] = (), reason: str | None = None) -> int:
    """Run these days, say how it goes and went, and return the exit code."""
    from orchestration.ingest.arrivals import days_to_run

    feeds = load_feeds(configured)
    days_to_run(configured, feeds, first, last)  # before seconds go into imports

    from orchestration import runner
    from orchestration.reporting.terminal.progress import RunDisplay
    from orchestration.reporting.terminal.status_shown import print_run_report
    from orchestration.runtime.partitions import days_between

    gc.freeze()  # what was imported is not looked through for garbage, again and again
    with RunDisplay(out) as display:
        report = runner.run(
            configured, feeds, first, last, display.on_event,
            on_plan=display.on_plan, accept=accept, reason=reason,
        )  # fmt: skip
    for error in report.errors:
        err.print(error, style="red", soft_wrap=True)
    print_run_report(out, configured, feeds, report, list(days_between(first, last)))
    return int(report.exit_code)


def _read_ahead(configured: Settings) -> None:
    """Import and read, which takes one core for seconds, what the run is going to begin with."""
    from orchestration import runner

    runner.read_ahead(configured)


@app.command()
def demo() -> None:
    """Write sample extracts, run all of their days, and tell the story that is in them."""
    from orchestration.privacy.custody import check_key
    from orchestration.reporting.headline import read_headline
    from orchestration.reporting.morning import write_morning_report
    from orchestration.reporting.terminal.headline_shown import print_headline
    from orchestration.reporting.terminal.sample_shown import print_next_steps

    if not origins():
        init()
    configured = settings()
    check_key(configured)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(_read_ahead, configured)  # what goes wrong there, the run says
        simulate()
    if code := _run(configured, _DEMO_BEGINS.date(), _DEMO_ENDS.date()):
        raise typer.Exit(code)
    feeds = load_feeds(configured)
    for day in (date(2026, 1, 3), None):
        print_headline(out, read_headline(configured, as_of=day))
    pages = [write_morning_report(configured, feeds, day).path for day in (date(2026, 1, 3), date(2026, 1, 13), None)]
    print_next_steps(out, configured, Path(sys.argv[0]), pages)
