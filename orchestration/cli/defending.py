"""Defending a number: what a published figure rests on, and why two differ."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.base.settings import Settings
from orchestration.cli.shell import Json, app, installation, out, print_json, settings
from orchestration.contracts import load_feeds

if TYPE_CHECKING:
    from orchestration.warehouse.graph import Graph

_Figure = Annotated[
    str,
    typer.Argument(
        metavar="RELATION.COLUMN", help="A column of a published relation; RELATION alone is the number of its rows."
    ),
]
_Where = Annotated[str | None, typer.Option(help="SQL over the relation's columns that picks the row, or its rows.")]
_Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what had been delivered by the end of this day.")
]
_Generation = Annotated[str | None, typer.Option(help="Publication; the current one if left out.")]


@app.command()
def trace(
    figure: _Figure,
    where: _Where = None,
    generation: _Generation = None,
    rows: Annotated[
        bool,
        typer.Option("--rows", help="The single rows counted and left out, under pseudonyms, with file and record."),
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Rows to show of each kind.")] = 3,
    rows_to: Annotated[Path | None, typer.Option(help="Write all of these rows: .csv or .parquet.")] = None,
    as_json: Json = False,
) -> None:
    """Say where a published number comes from: definition, models, deliveries, gates, and what it was before.

    --where "as_of_date = '2026-01-03' and is_mno" picks the row, or rows that add up; it may also stand behind the
    column: "churn.incident_destination.port_outs_day where as_of_date = '2026-01-03' and is_mno".
    """
    from orchestration.reporting.terminal.trace_shown import print_ledger, print_trace

    configured = installation()
    graph, feeds = _graph(configured), load_feeds(configured)
    found: Any
    if rows or rows_to:
        from orchestration.evidence.ledger import ledger

        with out.status("Reading the deliveries again"):
            found = ledger(configured, graph, feeds, figure, where, limit=limit, write_to=rows_to)
    else:
        from orchestration.evidence.trace import trace as ask

        found = ask(configured, graph, feeds, figure, where, generation)
    if as_json:
        print_json(asdict(found))
    else:
        (print_ledger if rows or rows_to else print_trace)(out, found)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help='A figure, as "relation.column where …".')],
    second: Annotated[
        str | None, typer.Argument(metavar="B", help="Another one, or a printed number; the same one if left out.")
    ] = None,
    known_on_a: _Day = None,
    known_on_b: _Day = None,
    generation_a: _Generation = None,
    generation_b: _Generation = None,
    home_b: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of the installation that B is read from, or its data."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain why two figures differ, as a sum of named parts; what nothing explains is said to be unexplained."""
    from orchestration.evidence.comparison import compare_figures, compare_printed
    from orchestration.evidence.sides import Place
    from orchestration.reporting.terminal.trace_shown import print_comparison

    configured = installation()
    graph = _graph(configured)
    place = Place(configured, generation_a, known_on_a and known_on_a.date())
    if second is not None and (printed := _number(second)) is not None:
        found = compare_printed(graph, first, printed, place)
    else:
        there = Settings.of_folder(home_b) if home_b else configured
        other = Place(there, generation_b, known_on_b and known_on_b.date())
        found = compare_figures(graph, first, second or first, place, other)
    if as_json:
        print_json(asdict(found) | {"difference": found.difference, "unexplained": found.unexplained})
    else:
        print_comparison(out, found)


@app.command()
def attest(
    figures: Annotated[
        list[str], typer.Argument(metavar="FIGURE…", help='Figures, each as "relation.column where …".')
    ],
    reason: Annotated[str, typer.Option(help="For whom and why; it stands in the statement.")],
    to: Annotated[Path, typer.Option("--out", help="File to write; the page stands beside it.")] = Path(
        "statement.json"
    ),
) -> None:
    """Write a signed statement of published figures: what they are and rest on, as JSON and as a page to print.

    `ringfence verify` tells whoever gets it what of it can be confirmed. No row and no pseudonym is in it.
    """
    from orchestration.evidence.signing import fingerprint
    from orchestration.evidence.statement import as_text
    from orchestration.evidence.statement import attest as state
    from orchestration.reporting.statement_page import statement_page

    configured = installation()
    with out.status("Gathering what the figures rest on"):
        statement = state(configured, _graph(configured), load_feeds(configured), figures, reason)
    page = to.with_suffix(".html")
    to.write_text(as_text(statement), "utf-8")
    page.write_text(statement_page(configured, statement), "utf-8")
    for path in (to, page):
        out.print(str(path), soft_wrap=True)
    public = statement["public_key"]
    out.print(f"Signed by the key {fingerprint(public)}. Tell it to whoever verifies, on another way: --key {public}")


@app.command()
def verify(
    statement: Annotated[Path, typer.Argument(help="Its JSON, or its page.")],
    key: Annotated[str | None, typer.Option(help="Public key of whoever must have signed it.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Only what the statement says for itself.")] = False,
) -> None:
    """Say what of a statement can be confirmed: by itself, and from what this installation holds.

    Exit 0: nothing was refuted; 1: something was, and it is said what and where.
    """
    from orchestration.evidence.verification import Finding, verify_alone, verify_here
    from orchestration.reporting.statement_page import read_statement
    from orchestration.reporting.terminal.trace_shown import print_finding

    configured = settings()
    text, findings = read_statement(configured, statement)
    told, stated = verify_alone(text, key)
    findings += told
    is_sound = all(one.is_confirmed for one in findings)
    if stated is not None and is_sound and not alone:
        folders = (configured.raw_dir, configured.landing_dir, configured.serving_dir)
        if any(folder.exists() for folder in folders):
            findings += verify_here(configured, _graph(configured), load_feeds(configured), stated)
        else:
            findings.append(Finding("deliveries and values", None, f"nothing of them is in {configured.home}"))
    for one in findings:
        print_finding(out, one)
    raise typer.Exit(int(any(one.is_confirmed is False for one in findings)))


def _number(text: str) -> float | None:
    """A number as it was printed, such as 10,142 or 61.4; None if it is none."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _graph(configured: Settings) -> Graph:
    from orchestration.warehouse import dbt
    from orchestration.warehouse.graph import Graph

    return Graph(dbt.manifest(configured))
