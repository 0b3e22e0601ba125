"""Keys and persons: the way back to a number, erasure, rotation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from orchestration.base.settings import Settings
from orchestration.cli.shell import app, end, err, out, settings
from orchestration.privacy import PseudonymKey


@app.command()
def new_key(file: Path) -> None:
    """Write a fresh pseudonym key, readable by you only; an existing file is never overwritten."""
    try:
        PseudonymKey.write_new(file)
    except FileExistsError:
        end(f"{file} exists. Every pseudonym hangs on it, so it is left as it is.")
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
    from orchestration.reporting.terminal.progress import StepDisplay
    from orchestration.rights.erasure import forget as erase

    numbers = [*(number or []), *([text for text in sys.stdin.read().splitlines() if text.strip()] if stdin else [])]
    configured = settings()
    with StepDisplay(out, "Erasing") as shown:
        attestation = erase(
            configured, reason, numbers=numbers, lines=line or [], is_only_named=only_named, on_step=shown.on_step
        )
    erased = ", ".join(f"{count} {kind}" for kind, count in attestation.erased.items())
    out.print(f"Erased: {erased}. {len(attestation.files)} files, listed in {attestation.path}")
    for path, why in attestation.left.items():
        err.print(Text.assemble(("Left", "yellow"), f": {path}: {why}"))
    _say_what_went(configured)


@app.command()
def rotate_key(
    new_key_file: Annotated[Path, typer.Option(help="The new key; `ringfence new-key FILE` writes one.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the audit log.")] = "key rotation",
) -> None:
    """Re-key everything with a new pseudonym key, and publish it as a new generation."""
    from orchestration.reporting.terminal.progress import StepDisplay
    from orchestration.rights.rotation import rotate_key as rotate

    configured = settings()
    with StepDisplay(out, "Re-keying") as shown:
        publication = rotate(configured, PseudonymKey.read(new_key_file), reason, shown.on_step)
    out.print(f"Everything is keyed anew{f', published as {publication.generation}' if publication else ''}.")
    out.print(
        f"Now set RINGFENCE_PSEUDONYM_KEY_FILE={new_key_file.resolve()} (and unset RINGFENCE_PSEUDONYM_KEY) wherever "
        "Ringfence runs; with the old key it refuses to. Then destroy the old key and its backups."
    )
    _say_what_went(configured)


def _say_what_went(configured: Settings) -> None:
    """Tables of another engine are not rewritten."""
    from orchestration.warehouse.engines import built_by

    if (engine := built_by(configured)) != "duckdb":
        out.print(f"The tables that {engine} held are gone: the next `ringfence run` builds them anew.")
