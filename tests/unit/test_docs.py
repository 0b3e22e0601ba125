"""What the documentation says of commands, targets and settings is there, and what is there is documented."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from orchestration.base.settings import PROJECT, Settings
from orchestration.base.site_profile import DEFAULT_SITE, SITES, NumberPlan, Site
from orchestration.cli import app

DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", *sorted(page for page in DOCS.glob("*.md") if page.name != "commands.md")]
#: A command as a page shows it: a line of a block of code, or a quotation between backticks.
_SHOWN = re.compile(r"(?:^\s*|`)(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?ringfence ([^`\n]+)", re.MULTILINE)
#: What follows a command on its line: a comment, standard input, or a remark in a column of its own.
_REMARK = re.compile(r"\s(?:#|<)\s?|\s{2,}")
#: Something that stands for what the reader has: an ellipsis, or a word in capitals.
_PLACEHOLDER = re.compile(r"…|\b[A-Z]{4,}\b")


def shown_commands() -> Iterator[tuple[str, list[str]]]:
    """Every command that a page shows, with the page's name."""
    for page in PAGES:
        for shown in _SHOWN.findall(page.read_text("utf-8").replace("\\\n", " ")):
            arguments = shlex.split(_REMARK.split(re.sub(r"(?<=\S)\s+(?=--)", " ", shown))[0])
            yield page.name, arguments


@pytest.mark.parametrize(
    "arguments",
    [pytest.param(arguments, id=f"{page}: {' '.join(arguments)}") for page, arguments in shown_commands()],
)
def test_a_command_that_a_page_shows_is_understood(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in arguments:  # a file that has to exist
        if not name.startswith("/") and Path(name).suffix in (".csv", ".yaml", ".key"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()
    command: Any = typer.main.get_command(app)
    while hasattr(command, "get_command"):
        name, *arguments = arguments
        command = command.get_command(typer.Context(command), name)
        assert command is not None, f"there is no command {name!r}"
    # prose may name a command without what it needs
    if arguments and not any(_PLACEHOLDER.search(argument) for argument in arguments):
        assert command.make_context(command.name, arguments)


def test_every_command_and_option_stands_in_the_reference() -> None:
    written = subprocess.run(
        [sys.executable, "-c", "import commands; print(commands.reference(), end='')"],
        cwd=DOCS, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert written == (DOCS / "commands.md").read_text("utf-8"), "write it anew: python docs/commands.py"


def test_every_make_target_that_a_page_shows_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.M)}
    assert shown, "no page shows any"
    assert shown <= targets


def test_every_setting_stands_in_the_table_of_settings() -> None:
    table = (DOCS / "operations.md").read_text("utf-8").split("## Settings")[1].split("\n## ")[0]
    documented = set(re.findall(r"`RINGFENCE_([A-Z_]+)`", table))
    assert {name.upper() for name in Settings.model_fields} == documented - {"CONFIG"}


def test_every_key_of_a_sites_profile_stands_in_the_default_one() -> None:
    shipped = (SITES / DEFAULT_SITE / "site.toml").read_text("utf-8")
    for key in [*Site.model_fields, *NumberPlan.model_fields]:
        assert re.search(rf"^(# )?\[?{key}\b", shipped, re.MULTILINE), f"{key} is not shown"
