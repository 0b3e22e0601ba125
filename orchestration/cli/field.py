"""What the field delivers: contracts, sample files, rows in quarantine."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.base.refusal import unknown
from orchestration.base.settings import Settings
from orchestration.cli.shell import end, feeds_app, out, quarantine_app, settings
from orchestration.contracts import Feed, load_feeds


def _feeds(configured: Settings, named: str | None) -> dict[str, Feed]:
    """All feeds; one that was named and is none of them ends the command."""
    feeds = load_feeds(configured)
    if named and named not in feeds:
        raise unknown("feed", named, feeds)
    return feeds


@feeds_app.command("check")
def check_feed(
    contract: Annotated[Path, typer.Argument(help="A contract: a YAML file named after its feed.")],
    sample: Annotated[Path | None, typer.Argument(help="A file as the source drops it.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Bad rows to show.")] = 20,
    rows: Annotated[int, typer.Option(min=0, help="Accepted rows to show, beside their text.")] = 3,
    dt: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Extract date; that of the file's folder, else today.")
    ] = None,
) -> None:
    """Say what is wrong with a contract, and what would become of a sample file; changes nothing.

    Exit 1: the contract has mistakes, lacks what models need of it, or the sample would be refused.
    """
    from orchestration.contracts import load_feed
    from orchestration.ingest.sample import try_sample
    from orchestration.reporting.terminal.feeds_shown import print_contract, print_trial
    from orchestration.warehouse.needs import unmet

    feed = load_feed(contract)
    if needs := list(unmet(feed)):
        end("\n".join(f"{contract}: {said}" for said in needs))
    print_contract(out, feed)
    if sample is None:
        return
    trial = try_sample(settings(), feed, sample, limit, dt=dt and dt.date(), rows=rows)
    print_trial(out, trial)
    if trial.receipt.refusal:
        raise typer.Exit(1)


@quarantine_app.command("show")
def show_quarantine(
    feed: Annotated[str | None, typer.Option(help="One feed only.")] = None,
    dt: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="One extract date only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 50,
) -> None:
    """List quarantined rows, masked, with file, row number and every reason."""
    from orchestration.ingest.quarantine import read_bad_rows, refused
    from orchestration.reporting.terminal.feeds_shown import print_bad_rows, print_refused

    configured, day = settings(), dt.date() if dt else None
    _feeds(configured, feed)
    not_taken, bad_rows = refused(configured, feed, day), read_bad_rows(configured, feed, day, limit)
    print_refused(out, not_taken)
    print_bad_rows(out, bad_rows)
    if not (not_taken or bad_rows):
        out.print("Nothing is in quarantine.")


@quarantine_app.command("retry")
def retry_quarantine(
    feed: Annotated[str | None, typer.Option(help="One feed only.")] = None,
    dt: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="One extract date only.")] = None,
) -> None:
    """Judge deliveries with bad rows again, from landing, after their contract was mended; `run` then publishes."""
    from orchestration.ingest.quarantine import retry
    from orchestration.reporting.terminal.feeds_shown import print_retried

    configured = settings()
    print_retried(out, retry(configured, _feeds(configured, feed), feed, dt.date() if dt else None))
