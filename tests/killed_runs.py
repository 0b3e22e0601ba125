"""Whole runs in processes that are killed: in dbt and in publication, at random moments."""

from __future__ import annotations

import multiprocessing
import random
import time
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb

from orchestration.runner import Exit
from orchestration.serving.generations import current_publication
from orchestration.settings import Settings
from tests.conftest import KEY, LAST, World

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["orchestration.runner", "tests.killed_runs"])

#: Dagster's steps in which a run is killed, and how long each is worth waiting in, in seconds.
STEPS = {"staging": 12.0, "marts": 16.0, "publication": 4.0}
#: Told of the run itself (run ids, times), and not of the data.
_OF_THE_RUN = ("ops.publication", "ops.gate_result")

State = dict[str, tuple[int, int]]


def redeliver(world: World) -> None:
    """Correct two days of two feeds: each loses its last rows, so that lines, ports and payments change and vanish."""
    for feed, day in (("portability_events", LAST), ("payments", LAST - timedelta(1)), ("subscriptions", LAST)):
        folder = world.settings.landing_dir / feed / f"dt={day}"
        (folder / "_manifest.json").unlink()
        for path in folder.glob("*.csv"):
            lines = path.read_bytes().splitlines(keepends=True)
            path.unlink()
            path.write_bytes(b"".join(lines[: max(1, len(lines) * 9 // 10)]))


def published(settings: Settings) -> State:
    """Rows and their checksum, whatever their order, of every published relation behind both doors.

    Floating-point values count to nine significant digits.
    """
    found: State = {}
    for door in ("marts.duckdb", "cases.duckdb"):
        with duckdb.connect(str(settings.serving_dir / "current" / door), read_only=True) as con:
            relations = con.execute(
                "select schema_name || '.' || table_name from duckdb_tables() where not internal order by all"
            ).fetchall()
            for (relation,) in relations:
                if relation in _OF_THE_RUN:
                    continue
                columns = con.execute(f"select column_name, column_type from (describe {relation})").fetchall()
                values = ", ".join(
                    f"printf('%.9g', \"{name}\")" if kind in ("DOUBLE", "FLOAT") else f'"{name}"'
                    for name, kind in columns
                    if name not in ("ingested_at", "delivered_at")
                )
                (found[relation],) = con.execute(
                    f"select count(*), coalesce(sum(hash({values})::hugeint), 0) from {relation}"
                ).fetchall()
    return found


def _work(home: Path, landing: Path, first: date, last: date, pipe: Connection) -> None:
    world = World(Settings(home=home, landing=landing, pseudonym_key=KEY))  # type: ignore[arg-type]

    def tell(step: str, message: str, has_ended: bool) -> None:
        if not message and not has_ended:
            pipe.send(step)

    from orchestration.runner import run

    report = run(world.settings, world.feeds, first, last, tell)
    pipe.send(report.exit_code)


def kill_in(world: World, step: str, after_seconds: float) -> bool:
    """Begin a run in a process of its own and kill it some time after a step began; False if it was over by then."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(
        target=_work, args=(world.settings.home, world.settings.landing_dir, LAST - timedelta(2), LAST, theirs)
    )
    process.start()
    theirs.close()
    while (told := ours.recv()) != step:
        if isinstance(told, Exit):
            process.join()
            return False
    time.sleep(after_seconds)
    is_running = process.is_alive() and not (ours.poll() and isinstance(ours.recv(), Exit))
    process.kill()  # this process only: what it has started is to notice by itself
    process.join()
    return is_running


def check_kills(disturbed: World, undisturbed: World, *, seed: int, kills: dict[str, int]) -> None:
    """Kill runs over a corrected delivery again and again; readers see the old state or the new one, never a mixture.

    `kills` says how often in which step.
    """
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)
    before = published(disturbed.settings)
    for world in (disturbed, undisturbed):
        redeliver(world)
    assert undisturbed.run(LAST - timedelta(2), LAST).exit_code is Exit.PUBLISHED
    expected = published(undisturbed.settings)
    assert expected != before, "the corrected deliveries change nothing, so that this would prove nothing"
    for step, times in kills.items():
        for _ in range(times):
            kill_in(disturbed, step, rng.uniform(0, STEPS[step]))
            assert published(disturbed.settings) in (before, expected)
    assert disturbed.run(LAST - timedelta(2), LAST).exit_code is Exit.PUBLISHED
    assert published(disturbed.settings) == expected
    publication = current_publication(disturbed.settings)
    assert publication and not publication.held_back
