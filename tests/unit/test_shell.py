"""How every command prints, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import typer
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from orchestration.base.settings import PROJECT
from orchestration.cli import app
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

    @commands.command()
    def runs() -> None:  # as Dagster wraps PostgreSQL's
        raise RuntimeError("too many retries") from OperationalError(None, None, Exception("Connection refused"))

    for name, said in (("run", "unable to open database file"), ("runs", "Connection refused")):
        ended = CliRunner().invoke(commands, [name])
        assert (ended.exit_code, ended.stderr) == (1, f"Dagster's records: {said}\n")


def test_a_reader_who_has_seen_enough_is_told_nothing() -> None:
    commands = typer.Typer(cls=_Commands, pretty_exceptions_enable=False)

    @commands.command()
    def status() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    @commands.command()
    def other() -> None: ...

    ended = CliRunner().invoke(commands, ["status"])
    assert (ended.exit_code, ended.stderr) == (1, "")


def _started(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script, sys.executable], check=False, capture_output=True, text=True, cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"} | variables,
    )  # fmt: skip


def test_ctrl_c_while_the_command_is_still_imported_is_no_traceback() -> None:
    interrupted = """
import sys
class AtImport:
    def find_spec(self, name, *_):
        if name == "orchestration.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, AtImport())
from orchestration.__main__ import main
main()
"""
    ended = _started(f"$0 -c '{interrupted}'")
    assert (ended.returncode, ended.stderr) == (130, "")


def test_ctrl_c_while_duckdb_imports_what_it_needs_is_heard(tmp_path: Path) -> None:
    interrupted = f"""
import sys
from pathlib import Path
from orchestration.base.settings import Settings
from orchestration.base.sql import connect
class AtImport:
    def find_spec(self, name, *_):
        if name == "pandas":
            raise KeyboardInterrupt
sys.meta_path.insert(0, AtImport())
try:
    connect(Settings(home=Path("{tmp_path}"))).execute("select $1", ["a value"])
except KeyboardInterrupt:
    print("heard")
"""
    assert _started(f"$0 -c '{interrupted}'").stdout == "heard\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_works_with_closed_streams(closed: str) -> None:
    ended = _started(f"$0 -m orchestration --version {closed}")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_sign_that_the_terminal_lacks_is_a_question_mark(tmp_path: Path) -> None:
    ended = _started(f"$0 -m orchestration init {tmp_path}/한", PYTHONIOENCODING="latin-1")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"{tmp_path}/?/ringfence.toml" in ended.stdout


@pytest.mark.parametrize("command", ["reports", "ui", "webserver"])
def test_a_port_that_is_taken_is_named_before_anything_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_HOME", str(tmp_path / "home"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = CliRunner().invoke(app, [command, "--port", str(port)])
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == f"Port {port} on 127.0.0.1: Address already in use. Name another one with --port.\n"


def test_no_table_is_cut_on_a_very_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in ("0", "5", "40"):
        monkeypatch.setenv("COLUMNS", columns)
        assert console(sys.stdout).width == 60
