"""Runs beside each other, runs that are killed, and what asks for them again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from orchestration.automation.arrival_sensor import MOST_ATTEMPTS
from orchestration.ingest.receipt import read_receipts
from orchestration.runtime.instance import open_instance
from orchestration.serving.generations import publications
from orchestration.state.up_to_date import is_up_to_date
from tests.support.clockwork import Clockwork
from tests.support.world import FIRST, KEY, LAST, World

NOON = datetime(2026, 1, 15, 12, tzinfo=ZoneInfo("Asia/Seoul"))


def _correct(world: World, feed: str = "portability_events") -> None:
    """A delivery again, with one line less."""
    folder = world.settings.landing_dir / feed / f"dt={LAST}"
    (file,) = folder.glob("*.csv*")
    lines = file.read_bytes().splitlines(keepends=True)
    file.unlink()  # it may be a link
    file.write_bytes(b"".join(lines[:-1]))
    (folder / "_manifest.json").unlink(missing_ok=True)


def _command(world: World) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RINGFENCE_", "DAGSTER_"))}
    environment |= {
        "RINGFENCE_HOME": str(world.settings.home),
        "RINGFENCE_LANDING": str(world.settings.landing_dir),
        "RINGFENCE_PSEUDONYM_KEY": KEY,
    }
    ringfence = str(Path(sys.executable).with_name("ringfence"))
    return subprocess.Popen(
        [ringfence, "run", "--from", str(FIRST), "--to", str(LAST)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.timeout(1200)
def test_two_runs_started_at_once_do_not_fail_each_other(
    published_world: World, copy_of: Callable[[World], World]
) -> None:
    world = copy_of(published_world)
    _correct(world)
    runs = [_command(world), _command(world)]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    (corrected,) = (receipt for receipt in read_receipts(world.settings.raw_dir) if receipt.rev == 2)
    assert (corrected.feed, corrected.dt) == ("portability_events", LAST)
    assert is_up_to_date(world.settings, world.feeds, [LAST])


@pytest.mark.timeout(1200)
def test_a_run_killed_half_way_is_found_and_asked_for_once_more(
    published_world: World, copy_of: Callable[[World], World]
) -> None:
    world = copy_of(published_world)
    _correct(world)
    before = len(publications(world.settings))
    run = _command(world)
    while not any(receipt.rev == 2 for receipt in read_receipts(world.settings.raw_dir)):
        assert run.poll() is None
        time.sleep(0.2)
    time.sleep(4)  # somewhere in the warehouse
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert len(publications(world.settings)) == before

    clock = Clockwork(world, NOON)
    (request,) = clock.tick_sensor()  # the delivery is ingested, but nothing was published of it
    assert clock.execute(request)
    assert is_up_to_date(world.settings, world.feeds, [LAST])
    with open_instance(world.settings) as instance:
        statuses = [run.status for run in instance.get_runs(limit=2)]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    clock.now += timedelta(minutes=1)
    assert list(clock.tick_sensor()) == []


@pytest.mark.timeout(1200)
def test_what_no_run_can_bring_in_is_asked_for_a_few_times_and_no_more(
    published_world: World, copy_of: Callable[[World], World]
) -> None:
    world = copy_of(published_world)
    _correct(world)
    shutil.rmtree(world.settings.quarantine_dir)
    world.settings.quarantine_dir.write_text("in the way")
    clock = Clockwork(world, NOON)
    for _ in range(MOST_ATTEMPTS + 3):
        for request in clock.tick_sensor():
            assert not clock.execute(request)
        clock.now += timedelta(minutes=1)
    assert len(clock.asked) == MOST_ATTEMPTS
    restarted = Clockwork(world, clock.now)
    assert [*restarted.tick_sensor(), *restarted.tick_sensor()] == []
    assert "in vain" in restarted.said[-1]
