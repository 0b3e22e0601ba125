"""What all commands share: the application and its groups, two consoles, and how a command ends."""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib.metadata import version
from typing import Annotated, Any, NoReturn, TextIO

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from typer.core import TyperGroup

from orchestration.base.installation import NAME as INSTALLATION_FILE
from orchestration.base.installation import looked_in
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, origins
from orchestration.base.site_profile import mistakes

_INTERRUPTED = "Interrupted. What was done stands or is undone whole; the same command goes on from there."


class _Commands(TyperGroup):
    """A command that is refused, or that a file, a folder or the machine fails, ends with the reason: no traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            # of a run, 2 says that it has published
            end(str(refusal), 1 if ctx.invoked_subcommand == "run" else refusal.exit_code)
        except KeyboardInterrupt:
            end(_INTERRUPTED, 130)
        except BrokenPipeError:  # whoever reads what is printed has seen enough: Click ends without a word
            raise
        except OSError as error:
            end(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        except Exception as error:
            if isinstance(error.__cause__, KeyboardInterrupt):  # of DuckDB, which was at work
                end(_INTERRUPTED, 130)
            if said := _said_of_machine(error):
                end(said)
            raise


def _said_of_machine(error: Exception) -> str | None:
    """What DuckDB or Dagster's records say of a file, the disk or the memory that failed it; None of other errors."""
    import duckdb  # what it fails has it already
    from sqlalchemy.exc import OperationalError

    from orchestration.base.sql import first_line

    for one in (error, error.__cause__):  # PostgreSQL's are wrapped
        if isinstance(one, OperationalError):
            return f"Dagster's records: {first_line(one.orig or one)}"
    return first_line(error) if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException) else None


_NO_MARGIN = 10_000
#: Columns with which no table is cut; a terminal that has fewer breaks its lines itself.
_NARROWEST = 60


def console(stream: TextIO) -> Console:
    """A console as wide as the terminal; in a pipe, and in a file, no line is broken.

    It prints texts as they stand: nothing in a name, a path or a value is markup.
    """

    def of(width: int | None = None) -> Console:
        return Console(stderr=stream is sys.stderr, markup=False, emoji=False, highlight=False, width=width)

    if not stream.isatty() and "COLUMNS" not in os.environ:
        return of(_NO_MARGIN)
    return of(_NARROWEST) if of().width < _NARROWEST else of()


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)


def _group(name: str, about: str) -> typer.Typer:
    """A group of commands, such as `ringfence feeds`."""
    group = typer.Typer(no_args_is_help=True, help=about)
    app.add_typer(group, name=name)
    return group


feeds_app = _group("feeds", "Feeds and their contracts.")
quarantine_app = _group("quarantine", "Rows that could not be accepted, masked.")
gates_app = _group("gates", "What the gates found.")
rules_app = _group("rules", "Fraud rules: what a change would do, why a payment has its score.")
site_app = _group("site", "A carrier's own folder.")
out = console(sys.stdout)
err = console(sys.stderr)
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback.")]


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


def end(message: str, code: int = 1) -> NoReturn:
    """End the command with what is wrong; no line of it is broken."""
    err.print(message, style="red", soft_wrap=True)
    raise typer.Exit(code)


def settings() -> Settings:
    """The installation's settings; a wrong one ends the command with what is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [(f"RINGFENCE_{place}: ".upper() if place else "") + said for place, said in mistakes(error)]
    end("\n".join(problems))


def installation() -> Settings:
    """The settings of an installation that is there, in a view that somebody belongs to."""
    from orchestration.site.check import check_view

    configured = settings()
    if not (configured.home.exists() or configured.landing_dir.exists()):
        why = f"{said} names it" if (said := origins().get("home")) else f"no {INSTALLATION_FILE} is in {looked_in()}"
        end(f"There is no installation: {configured.home} does not exist ({why}). `ringfence init` sets one up.")
    check_view(configured)
    return configured


def check_port(port: int) -> None:
    """See that a port of loopback is free, before a server is started that would fail half way.

    Raises:
        Refusal: if it is not.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Refusal(f"Port {port} on 127.0.0.1: {error.strerror}. Name another one with --port.") from None


def print_json(content: Any) -> None:
    """Print what a program reads, instants in ISO 8601."""
    typer.echo(json.dumps(content, indent=2, default=_as_json, ensure_ascii=False))


def _as_json(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value.isoformat()
