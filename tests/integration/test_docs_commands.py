"""The commands that the documentation shows and that only read are run, on the published world."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.support.world import KEY, World
from tests.unit.test_docs import shown_commands

#: Those that read or write pages; what changes data has tests of its own, and `--known-on` too.
READING = ("status", "headline", "generations", "report", "glossary", "doctor", "quarantine show", "gates show")
SHOWN = sorted(
    {
        tuple(arguments)
        for _, arguments in shown_commands()
        if " ".join(arguments).startswith(READING)
        and arguments[0] != "reports"  # serves until it is stopped
        and not {"--known-on", "--send", "…"} & {*arguments}
    }
)


@pytest.fixture
def installation(published_world: World, copy_of: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> World:
    world = copy_of(published_world)
    monkeypatch.setenv("RINGFENCE_HOME", str(world.settings.home))
    monkeypatch.setenv("RINGFENCE_LANDING", str(world.settings.landing_dir))
    monkeypatch.setenv("RINGFENCE_PSEUDONYM_KEY", KEY)
    return world


def test_a_command_that_a_page_shows_and_that_reads_can_be_run(installation: World) -> None:
    assert {" ".join(arguments[:2]) for arguments in SHOWN} & {"status", "headline", "doctor", "report"}
    for arguments in SHOWN:
        done = CliRunner().invoke(app, list(arguments))
        # 1: the world has no such feed, gate or failure as the page's; a traceback would be another exception
        assert done.exit_code in (0, 1), f"{arguments}: {done.output}"
        assert done.exception is None or isinstance(done.exception, SystemExit), f"{arguments}: {done.exception!r}"
        assert done.output.strip(), arguments
    for command in ("status", "headline", "generations"):
        assert CliRunner().invoke(app, [command]).exit_code == 0
