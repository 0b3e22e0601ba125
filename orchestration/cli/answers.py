"""Reading what is published and what happened: headline, reports, status, gates, runs."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from orchestration.cli.shell import Json, Port, app, check_port, gates_app, installation, out, print_json, settings
from orchestration.contracts import load_feeds


@app.command()
def headline(
    incident: Annotated[str | None, typer.Option(help="Incident; the latest one with data if left out.")] = None,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Days up to this one.")] = None,
    known_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what had been delivered by the end of this day.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the table that a newspaper would print, now or as it would have been printed on an earlier day."""
    from orchestration.reporting.headline import read_headline
    from orchestration.reporting.terminal.headline_shown import print_headline

    with out.status(f"Counting what was known on {known_on.date()}") if known_on else nullcontext():
        found = read_headline(installation(), incident, as_of and as_of.date(), known_on and known_on.date())
    if as_json:
        print_json(asdict(found))
    else:
        print_headline(out, found)


@app.command()
def report(
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day; the newest if left out.")] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Also send it, to RINGFENCE_REPORT_EMAIL and RINGFENCE_REPORT_WEBHOOK.")
    ] = False,
) -> None:
    """Write the morning report of a day, from what is published, as one self-contained page.

    Exit 1: there is no such day, or a channel did not take it.
    """
    from orchestration.reporting.morning import write_morning_report

    configured = installation()
    written = write_morning_report(configured, load_feeds(configured), as_of and as_of.date())
    out.print(str(written.path), soft_wrap=True)
    if send:
        from orchestration.automation.report_delivery import send_report

        took = send_report(configured, written)
        for name, is_sent in took.items():
            out.print(Text.assemble(f"{name}: ", "sent" if is_sent else ("not sent", "red")))
        raise typer.Exit(int(not all(took.values())))


@app.command()
def reports(port: Port = 3001) -> None:
    """Serve the pages of the reports to browsers on this machine: morning reports, gates, glossary; nothing else."""
    from orchestration.reporting.served import reports_server

    configured = settings()
    check_port(port)
    with reports_server(configured, port) as server:
        out.print(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            out.print("Ended.")


@app.command()
def glossary() -> None:
    """Write the page that defines every published relation and column."""
    from orchestration.reporting.glossary import write_glossary
    from orchestration.warehouse import dbt
    from orchestration.warehouse.graph import Graph

    configured = settings()
    out.print(str(write_glossary(configured, Graph(dbt.manifest(configured)))), soft_wrap=True)


@app.command()
def export(
    relation: Annotated[str, typer.Argument(help="Open mart, schema first; the glossary lists them.")],
    file: Annotated[Path, typer.Argument(help="File to write: its name ends in .csv, .xlsx or .parquet.")],
    where: Annotated[str | None, typer.Option(help="Condition in SQL on its rows.")] = None,
) -> None:
    """Write a published open mart to a file for a spreadsheet; a workbook also says what its columns mean."""
    from orchestration.serving.export import export as write

    rows = write(installation(), relation, file, where)
    out.print(f"{rows:,} rows of {relation} in {file}", soft_wrap=True)


@app.command()
def status(as_json: Json = False) -> None:
    """Say which feeds are received, missing, late or refused, which gates are closed, what is published."""
    from orchestration.reporting.terminal.status_shown import print_nothing_yet, print_status
    from orchestration.state.status import read_status

    configured = installation()
    feeds = load_feeds(configured)
    found = read_status(configured, feeds)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    elif not any(feed.has_arrived for feed in found.feeds) and found.publication is None:
        print_nothing_yet(out, configured, feeds, found)
    else:
        print_status(out, found)


@gates_app.command("show")
def show_gate(
    gate: Annotated[str, typer.Argument(metavar="STAGE/RELATION[:EXPECTATION][@DAY]")],
    limit: Annotated[int, typer.Option(min=1, help="Rows per failure.")] = 20,
) -> None:
    """List what a gate's latest verdict found wrong, row by row; what may be a phone number is masked."""
    from orchestration.reporting.failures import read_failures
    from orchestration.reporting.terminal.gates_shown import print_failures

    configured = installation()
    print_failures(out, gate, read_failures(configured, load_feeds(configured), gate, limit))


@app.command()
def runs(
    limit: Annotated[int, typer.Option(min=1, help="Runs to show, the newest first.")] = 10, as_json: Json = False
) -> None:
    """List the last runs, whoever asked for them: when, how long, which days, how they ended."""
    from orchestration.reporting.terminal.status_shown import print_runs
    from orchestration.state.runs import read_runs

    found = read_runs(installation(), limit)
    if as_json:
        print_json([asdict(entry) for entry in found])
    else:
        print_runs(out, found)
