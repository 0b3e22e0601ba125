"""How every command prints, and how it ends."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import typer
from sqlalchemy import create_engine
from typer.testing import CliRunner

from orchestration.cli.shell import _Commands, console

A_LONG_QUERY = "select sum(hash(range)) from range(5000000000)"


def test_texts_are_printed_as_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    text = "/home/a [1]/[red]rows[/red]/:smile:.csv"
    console(sys.stdout).print(text)
    assert capsys.readouterr().out == text + "\n"


@pytest.fixture
def _hears_ctrl_c() -> Iterator[None]:
    """What a shell starts in the background is deaf to it, these tests too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hears_ctrl_c")
def test_ctrl_c_while_duckdb_is_at_work_ends_as_ctrl_c_does() -> None:
    commands = typer.Typer(cls=_Commands, pretty_exceptions_enable=False)

    @commands.command()
    def count() -> None:
        threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
        duckdb.sql(A_LONG_QUERY).fetchall()

    @commands.command()
    def other() -> None: ...

    ended = CliRunner().invoke(commands, ["count"])
    assert (ended.exit_code, ended.exception.__class__) == (130, SystemExit)
    assert "Interrupted." in ended.stderr


def test_records_that_cannot_be_reached_end_a_command_with_the_reason(tmp_path: Path) -> None:
    commands = typer.Typer(cls=_Commands, pretty_exceptions_enable=False)

    @commands.command()
    def run() -> None:
        create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'runs.db'}").connect()

    @commands.command()
    def other() -> None: ...

    ended = CliRunner().invoke(commands, ["run"])
    assert (ended.exit_code, ended.stderr) == (1, "Dagster's records: unable to open database file\n")
