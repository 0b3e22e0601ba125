"""`ringfence`: a thin command over the functions that the assets call."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Literal, NoReturn, TextIO
from urllib.parse import quote
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from orchestration.base.installation import NAME as INSTALLATION_FILE
from orchestration.base.installation import looked_in, write_installation_file
from orchestration.base.refusal import Refusal, unknown
from orchestration.base.settings import PROJECT, Settings, origins, private_dir
from orchestration.base.site_profile import mistakes
from orchestration.contracts import Feed, load_feeds
from orchestration.privacy import PseudonymKey


class _Commands(TyperGroup):
    """A command that is refused, or that a file or folder fails, ends with the reason and no traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            # of a run, 2 says that it has published
            _end(str(refusal), 1 if ctx.invoked_subcommand == "run" else refusal.exit_code)
        except KeyboardInterrupt:
            _end("Interrupted. What was done stands or is undone whole; the same command goes on from there.", 130)
        except OSError as error:
            _end(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _console(stream: TextIO) -> Console:
    """A console as wide as the terminal; in a pipe, and in a file, no line is broken."""
    is_free = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(stderr=stream is sys.stderr, highlight=False, width=_NO_MARGIN if is_free else None)


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)
feeds_app = typer.Typer(no_args_is_help=True, help="Feeds and their contracts.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows that could not be accepted, masked.")
app.add_typer(feeds_app, name="feeds")
app.add_typer(quarantine_app, name="quarantine")
gates_app = typer.Typer(no_args_is_help=True, help="What the gates found.")
app.add_typer(gates_app, name="gates")
rules_app = typer.Typer(no_args_is_help=True, help="Fraud rules: what a change would do, why a payment has its score.")
app.add_typer(rules_app, name="rules")
site_app = typer.Typer(no_args_is_help=True, help="A carrier's own folder.")
app.add_typer(site_app, name="site")
_NO_MARGIN = 10_000
_DEMO_BEGINS, _DEMO_ENDS = datetime(2025, 8, 1), datetime(2026, 2, 28)
out = _console(sys.stdout)
err = _console(sys.stderr)
_Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"ringfence {version('ringfence')}")
        raise typer.Exit


@app.callback()
def before_every_command(
    is_quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """A warehouse for the morning after: number portability and carrier-billing fraud.

    Settings come from RINGFENCE_* variables and from `ringfence.toml`, in this folder or above: `ringfence init`.
    """
    out.quiet = is_quiet
    os.umask(0o077)  # what is written is nobody else's business, until it is published


def _end(message: str, code: int = 1) -> NoReturn:
    """End the command with what is wrong, said as it stands: nothing in it is markup, and no line is broken."""
    err.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def settings() -> Settings:
    """The installation's settings; a wrong one ends the command with what is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [(f"RINGFENCE_{place}: ".upper() if place else "") + said for place, said in mistakes(error)]
    _end("\n".join(problems))


def installation() -> Settings:
    """The settings of an installation that is there, in a view that somebody belongs to."""
    from orchestration.site.check import check_view

    configured = settings()
    if not (configured.home.exists() or configured.landing_dir.exists()):
        why = f"{said} names it" if (said := origins().get("home")) else f"no {INSTALLATION_FILE} is in {looked_in()}"
        _end(f"There is no installation: {configured.home} does not exist ({why}). `ringfence init` sets one up.")
    check_view(configured)
    return configured


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the command is going to be used.")] = Path(),
) -> None:
    """Set up an installation in a folder: data in `data`, a fresh key, and `ringfence.toml`, which says so.

    What is there already is left as it is.
    """
    folder = folder.resolve()
    home, key = folder / "data", folder / "data" / "pseudonym.key"
    try:
        file = write_installation_file(folder, {"home": home, "pseudonym_key_file": key})
    except FileExistsError:
        out.print(f"{folder / INSTALLATION_FILE} is there already, and left as it is.")
        return
    private_dir(private_dir(home) / "landing")
    if not key.exists():
        PseudonymKey.write_new(key)
    out.print(f"{file} names {home} and its key. Guard the key like the data itself: it reverses every pseudonym.")


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
    truth: Annotated[
        Path | None, typer.Option(help="Folder for what the files do not tell: true effects, planted fraud, flaws.")
    ] = None,
) -> None:
    """Write sample extracts, calibrated on the published figures of the 2025 breach and exodus."""
    from orchestration.reporting.terminal import print_simulation
    from orchestration.simulator import package_fingerprint
    from orchestration.simulator import simulate as write

    out_folder = out_folder or settings().landing_dir
    wanted = {
        "scenario": scenario, "panel": panel, "seed": seed, "dirt": dirt,
        "from": str(first.date()), "to": str(last.date()), "format": file_format,
        "field_dirt": field_dirt, "code": package_fingerprint(),
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
            progress=lambda what, done, total: shown.update(f"Writing sample extracts: {what} {done}/{total}"),
        )  # fmt: skip
    for mark in marks:
        mark.write_text(json.dumps(wanted), "utf-8")
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
    from orchestration.reporting.terminal import RunDisplay, print_run_report
    from orchestration.runtime.partitions import days_between

    with RunDisplay(out) as display:
        report = runner.run(
            configured, feeds, first, last, display.on_event,
            on_plan=display.on_plan, accept=accept, reason=reason,
        )  # fmt: skip
    for error in report.errors:
        err.print(error, style="red", markup=False, soft_wrap=True)
    print_run_report(out, configured, feeds, report, list(days_between(first, last)))
    return int(report.exit_code)


@app.command()
def demo() -> None:
    """Write sample extracts, run all of their days, and tell the story that is in them."""
    from orchestration.privacy.custody import check_key
    from orchestration.reporting.headline import read_headline
    from orchestration.reporting.morning import write_morning_report
    from orchestration.reporting.terminal import print_headline, print_next_steps

    if not origins():
        init()
    configured = settings()
    check_key(configured)
    simulate()
    if code := _run(configured, _DEMO_BEGINS.date(), _DEMO_ENDS.date()):
        raise typer.Exit(code)
    feeds = load_feeds(configured)
    for day in (date(2026, 1, 3), None):
        print_headline(out, read_headline(configured, as_of=day))
    pages = [write_morning_report(configured, feeds, day).path for day in (date(2026, 1, 3), date(2026, 1, 13), None)]
    print_next_steps(out, configured, Path(sys.argv[0]), pages)


@gates_app.command("show")
def show_gate(
    gate: Annotated[str, typer.Argument(metavar="STAGE/RELATION[:EXPECTATION][@DAY]")],
    limit: Annotated[int, typer.Option(min=1, help="Rows per failure.")] = 20,
) -> None:
    """List what a gate's latest verdict found wrong, row by row; what may be a phone number is masked."""
    from orchestration.reporting.failures import read_failures
    from orchestration.reporting.terminal import print_failures

    configured = installation()
    print_failures(out, gate, read_failures(configured, load_feeds(configured), gate, limit))


@app.command()
def headline(
    incident: Annotated[str | None, typer.Option(help="Incident; the latest one with data if left out.")] = None,
    as_of: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Days up to this one.")] = None,
    known_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what had been delivered by the end of this day.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Print the table that a newspaper would print, now or as it would have been printed on an earlier day."""
    from orchestration.reporting.headline import read_headline
    from orchestration.reporting.terminal import print_headline

    with out.status(f"Counting what was known on {known_on.date()}") if known_on else nullcontext():
        found = read_headline(installation(), incident, as_of and as_of.date(), known_on and known_on.date())
    if as_json:
        _print_json(asdict(found))
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
            out.print(f"{name}: {'sent' if is_sent else '[red]not sent[/]'}")
        raise typer.Exit(int(not all(took.values())))


@app.command()
def reports(port: Annotated[int, typer.Option(help="Port on loopback.")] = 3001) -> None:
    """Serve the pages of the reports to browsers on this machine: morning reports, gates, glossary; nothing else."""
    from orchestration.reporting.served import reports_server

    with reports_server(settings(), port) as server:
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
def status(as_json: _Json = False) -> None:
    """Say which feeds are received, missing, late or refused, which gates are closed, what is published."""
    from orchestration.reporting.terminal import print_status
    from orchestration.state.status import read_status

    configured = installation()
    found = read_status(configured, load_feeds(configured))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    elif not any(feed.has_arrived for feed in found.feeds) and found.publication is None:
        out.print(f"Nothing has arrived yet in {configured.landing_dir}, and nothing is published.")
    else:
        print_status(out, found)


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
    from orchestration.reporting.feeds import print_contract, print_trial
    from orchestration.warehouse.needs import unmet

    feed = load_feed(contract)
    if needs := list(unmet(feed)):
        _end("\n".join(f"{contract}: {said}" for said in needs))
    print_contract(out, feed)
    if sample is None:
        return
    trial = try_sample(settings(), feed, sample, limit, dt=dt and dt.date(), rows=rows)
    print_trial(out, trial)
    if trial.receipt.refusal:
        raise typer.Exit(1)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2, default=lambda instant: instant.isoformat(), ensure_ascii=False))


def _feeds(configured: Settings, named: str | None) -> dict[str, Feed]:
    """All feeds; one that was named and is none of them ends the command."""
    feeds = load_feeds(configured)
    if named and named not in feeds:
        raise unknown("feed", named, feeds)
    return feeds


@quarantine_app.command("show")
def show_quarantine(
    feed: Annotated[str | None, typer.Option(help="One feed only.")] = None,
    dt: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="One extract date only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 50,
) -> None:
    """List quarantined rows, masked, with file, row number and every reason."""
    from orchestration.ingest.quarantine import read_bad_rows, refused
    from orchestration.reporting.feeds import print_bad_rows, print_refused

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
    from orchestration.reporting.feeds import print_retried

    configured = settings()
    print_retried(out, retry(configured, _feeds(configured, feed), feed, dt.date() if dt else None))


@site_app.command("new")
def new_site(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or one that is not there yet.")],
    country: Annotated[str, typer.Option(help="Code of ISO 3166, such as GB: currency, time zone and numbers.")],
) -> None:
    """Write a new site's folder, commented, sound as it stands; RINGFENCE_SITE then names it."""
    from orchestration.site.skeleton import write_skeleton

    for path in write_skeleton(folder, country.upper()):
        out.print(str(path), soft_wrap=True)
    out.print(f"Now set RINGFENCE_SITE={folder.resolve()}, and see `ringfence doctor`.", soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say what is wrong with this set-up."""
    from orchestration.serving.sealed import check_published
    from orchestration.site.doctor import examine, look_at
    from orchestration.warehouse.needs import check_needs

    configured = settings()
    findings = [
        *examine(configured),
        look_at("what models need", check_needs, configured),
        look_at("published files", check_published, configured),
    ]
    for finding in findings:
        mark = "[green]ok[/]   " if finding.problem is None else "[red]wrong[/]"
        out.print(f"{mark} {finding.subject}: {escape(finding.problem or finding.detail)}")
    raise typer.Exit(int(any(finding.problem for finding in findings)))


@app.command()
def publish() -> None:
    """Publish the warehouse as it stands, without a run: what its gates let through."""
    import duckdb

    from orchestration.privacy.custody import shared
    from orchestration.serving.publish import NOTHING
    from orchestration.serving.publish import publish as build
    from orchestration.warehouse import dbt
    from orchestration.warehouse.graph import Graph

    configured = settings()
    try:
        with shared(configured):
            entry = build(configured, Graph(dbt.manifest(configured)), load_feeds(configured), "by hand")
    except duckdb.IOException:
        _end("The warehouse is not there yet, or a run is using it; try again when it has ended.")
    if entry is None:
        _end(NOTHING, 3)
    out.print(f"Published generation {entry.generation}: {len(entry.relations)} relations.")


@app.command()
def generations(as_json: _Json = False) -> None:
    """List the publications that are kept."""
    from orchestration.reporting.terminal import print_generations
    from orchestration.serving.generations import current_publication, publications

    configured = installation()
    kept, now = publications(configured), current_publication(configured)
    if as_json:
        _print_json(
            [
                entry.model_dump(mode="json") | {"is_current": bool(now and entry.generation == now.generation)}
                for entry in kept
            ]
        )
    else:
        print_generations(out, kept, now)


@app.command()
def runs(
    limit: Annotated[int, typer.Option(min=1, help="Runs to show, the newest first.")] = 10, as_json: _Json = False
) -> None:
    """List the last runs, whoever asked for them: when, how long, which days, how they ended."""
    from orchestration.reporting.terminal import print_runs
    from orchestration.state.runs import read_runs

    found = read_runs(installation(), limit)
    if as_json:
        _print_json([asdict(entry) for entry in found])
    else:
        print_runs(out, found)


@app.command()
def rollback(
    to: Annotated[str | None, typer.Option(help="Generation; the one before the current if left out.")] = None,
) -> None:
    """Point readers at an earlier publication."""
    from orchestration.serving import generations as kept

    entry = kept.rollback(settings(), to)
    out.print(f"Readers now see {entry.generation}.")


@app.command()
def new_key(file: Path) -> None:
    """Write a fresh pseudonym key, readable by you only; an existing file is never overwritten."""
    try:
        PseudonymKey.write_new(file)
    except FileExistsError:
        _end(f"{file} exists. Every pseudonym hangs on it, so it is left as it is.")
    out.print(f"Pseudonym key in {file}. Guard it like the data itself: it reverses every pseudonym.")


@app.command()
def reidentify(
    reason: Annotated[str, typer.Option(help="Why; it goes into the audit log.")],
    case: Annotated[list[str] | None, typer.Option(help="Case of the fraud desk; may be repeated.")] = None,
    alert: Annotated[list[str] | None, typer.Option(help="Payment of an alert; may be repeated.")] = None,
    number_key: Annotated[list[UUID] | None, typer.Option(help="Pseudonym; may be repeated.")] = None,
) -> None:
    """Return the numbers of named cases. Who asked, when, for what and why is written to the audit log first."""
    from orchestration.rights.reidentify import reidentify as ask

    found = ask(settings(), reason, cases=case or [], alerts=alert or [], number_keys=number_key or [])
    for entry in found:
        typer.echo(f"{entry.asked}\t{entry.value or 'not in the vault: forgotten, or never ingested here'}")
    if not all(entry.value for entry in found):
        raise typer.Exit(2)


@app.command()
def forget(
    reason: Annotated[str, typer.Option(help="Why; it goes into the audit log.")],
    number: Annotated[list[str] | None, typer.Option(help="Subscriber number; may be repeated.")] = None,
    line: Annotated[list[str] | None, typer.Option(help="Line as billing names it; may be repeated.")] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read numbers from standard input, one per line: no shell remembers them.")
    ] = False,
    only_named: Annotated[
        bool, typer.Option("--only-named", help="Not the lines that carried the number, nor the numbers of the line.")
    ] = False,
) -> None:
    """Erase a person everywhere: rows stay under a random pseudonym, the way back and the extracts go."""
    from orchestration.reporting.terminal import StepDisplay
    from orchestration.rights.erasure import forget as erase

    numbers = [*(number or []), *([text for text in sys.stdin.read().splitlines() if text.strip()] if stdin else [])]
    with StepDisplay(out, "Erasing") as shown:
        attestation = erase(
            settings(), reason, numbers=numbers, lines=line or [], is_only_named=only_named, on_step=shown.on_step
        )
    erased = ", ".join(f"{count} {kind}" for kind, count in attestation.erased.items())
    out.print(f"Erased: {erased}. {len(attestation.files)} files, listed in {attestation.path}")
    for path, why in attestation.left.items():
        err.print(f"[yellow]Left in landing[/]: {escape(f'{path}: {why}')}")


@app.command()
def rotate_key(
    new_key_file: Annotated[Path, typer.Option(help="The new key; `ringfence new-key FILE` writes one.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the audit log.")] = "key rotation",
) -> None:
    """Re-key everything with a new pseudonym key, and publish it as a new generation."""
    from orchestration.reporting.terminal import StepDisplay
    from orchestration.rights.rotation import rotate_key as rotate

    with StepDisplay(out, "Re-keying") as shown:
        publication = rotate(settings(), PseudonymKey.read(new_key_file), reason, shown.on_step)
    out.print(f"Everything is keyed anew{f', published as {publication.generation}' if publication else ''}.")
    out.print(
        f"Now set RINGFENCE_PSEUDONYM_KEY_FILE={new_key_file.resolve()} (and unset RINGFENCE_PSEUDONYM_KEY) wherever "
        "Ringfence runs; with the old key it refuses to. Then destroy the old key and its backups."
    )


@rules_app.command("backtest")
def rules_backtest(
    changes: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="CSV: rule_id and the columns of fraud_rules to change.")
    ],
) -> None:
    """What changed points, parameters or switches would have done on history, against the rules in force.

    Nothing is written but to a copy that is gone afterwards. An empty rule_id stands for every rule.
    """
    from orchestration.reporting.terminal import print_backtest
    from orchestration.rules.backtest import backtest

    with out.status("Trying the changes on a copy of the warehouse"):
        tried = backtest(settings(), changes)
    print_backtest(out, tried)


@rules_app.command("explain")
def rules_explain(
    name: Annotated[str, typer.Argument(metavar="PAYMENT|CASE", help="A payment, or a case with all its alerts.")],
) -> None:
    """Which rules hit a payment, with points, evidence and the day on which each was known."""
    from orchestration.reporting.terminal import print_explanation
    from orchestration.rules.explain import explain, payments_of

    configured = installation()
    for payment in payments_of(configured, name):
        print_explanation(out, explain(configured, payment), configured.site_profile)


@rules_app.command("adopt")
def rules_adopt(
    changes: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV that `rules backtest` has tried.")],
) -> None:
    """Make changes that were tried the site's own: whole rows of its reference/fraud_rules.csv, checked."""
    from orchestration.rules.adopt import adopt

    written = adopt(settings(), changes)
    out.print(f"{written.rows} rules are the site's own in {written.path}; the next run goes by them.")


_Port = Annotated[int, typer.Option(help="Port on loopback.")]
#: What each audience wants to see of the graph, as its search box takes it.
_GRAPHS = {
    "churn": 'group:"churn" or group:"int_churn"',
    "fraud": 'group:"fraud" or group:"int_fraud" or group:"int_breach"',
    "gates": 'tag:"gate"',
}
_WORKSPACE = ("--workspace", str(PROJECT / "workspace.yaml"))


@app.command()
def ui(port: _Port = 3000) -> None:
    """Open the Dagster UI on loopback, with schedule and sensors, for one desk."""
    address = f"http://127.0.0.1:{port}"
    out.print(f"The UI is at {address} in half a minute, until Ctrl-C. Its graph as people look at it:")
    for whose, selection in _GRAPHS.items():
        out.print(f"  {whose:<7}{address}/asset-groups~{quote(selection)}/", soft_wrap=True)
    # `dg dev`, which this warning advises, wants a project of its own making
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
    _dagster("dagster", "dev", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", *_WORKSPACE)


@app.command()
def webserver(port: _Port = 3000) -> None:
    """Serve the Dagster UI on loopback; runs, schedule and sensors are the daemon's."""
    _dagster("dagster-webserver", "--host", "127.0.0.1", "--port", str(port), *_WORKSPACE)


@app.command()
def daemon() -> None:
    """Run the schedule, the sensors and what they and the UI ask for."""
    _dagster("python", "-m", "orchestration.runtime.daemon", "run", *_WORKSPACE)


@app.command()
def migrate() -> None:
    """Bring Dagster's records into the form that a new version of it wants."""
    _dagster("dagster", "instance", "migrate")


def _dagster(program: str, *arguments: str) -> None:
    """Become one of Dagster's programs, with this installation's instance and code location."""
    from orchestration.runtime.instance import prepare_dagster_home

    prepare_dagster_home(settings())
    path = str(Path(sys.executable).with_name(program))
    os.execv(path, [path, *arguments])


@app.command()
def bi(port: Annotated[int, typer.Option(help="Port on loopback.")] = 8088) -> None:
    """Open Superset on loopback, with the dashboards of `bi/`; `make bi` sets its environment up."""
    configured = settings()
    python = PROJECT / ".venv-bi" / "bin" / "python"
    if not python.exists():
        _end("Superset has no environment yet: `make bi` makes it.")
    if not (configured.serving_dir / "current").exists():
        _end("Nothing is published yet: `ringfence run` publishes.")
    known = {
        "RINGFENCE_BI_HOME": str(private_dir(configured.home / "bi")),
        "RINGFENCE_BI_SERVING": str(configured.serving_dir),
        "RINGFENCE_BI_TIMEZONE": configured.time_zone,
        "RINGFENCE_BI_PORT": str(port),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGFENCE_")}
    os.execve(python, [str(python), str(PROJECT / "bi" / "serve.py")], inherited | known)
