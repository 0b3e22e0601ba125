"""Processes that are killed in dbt and in the publication, at random moments; whole runs, or the work of one step."""

from __future__ import annotations

import multiprocessing
import random
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb

from orchestration.base.settings import Settings
from orchestration.base.sql import connect
from orchestration.ingest import ingest
from orchestration.runtime.warehouse_lock import warehouse_lock
from orchestration.serving.generations import current_publication
from orchestration.serving.publish import publish
from orchestration.state.run_report import Exit
from orchestration.warehouse import dbt
from orchestration.warehouse.due import clear_wanted
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.raw_relations import note_revisions_built, refresh_raw
from orchestration.warehouse.records import prepare
from tests.support.world import KEY, LAST, World

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["orchestration.runner", "tests.support.killed_runs"])

#: Steps in which a process is killed, and how long each is worth waiting in, in seconds.
STEPS = {"staging": 10.0, "marts": 12.0, "publication": 3.0}
#: Told of the run itself (run ids, times), and not of the data.
_OF_THE_RUN = ("ops.publication", "ops.gate_result")

State = dict[str, tuple[int, int]]


def redeliver(world: World, last: date = LAST) -> None:
    """Correct three feeds on a day or the day before: each loses its last rows, so that rows change and vanish."""
    for feed, day in (("portability_events", last), ("payments", last - timedelta(1)), ("subscriptions", last)):
        folder = world.settings.landing_dir / feed / f"dt={day}"
        (folder / "_manifest.json").unlink(missing_ok=True)
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


def do_step(world: World, step: str) -> None:
    """What the job does in a step, without the job; what a killed run wanted is not said of what is built here."""
    graph = Graph(dbt.manifest(world.settings))
    if step == "publication":
        publish(world.settings, graph, world.feeds, "a test")
        return
    with warehouse_lock(world.settings) as holding:
        with connect(world.settings, str(world.settings.warehouse)) as con:
            refresh_raw(con, world.settings, world.feeds)
            prepare(con)
            clear_wanted(con)
        nodes = graph.stage(step)
        selected = [*(node.name for node in nodes), *graph.pipeline_of(nodes)]
        dbt.build(world.settings, select=selected, keep_open=[holding])
        with connect(world.settings, str(world.settings.warehouse)) as con:
            note_revisions_built(con, step)


def _one_step(home: Path, landing: Path, step: str, pipe: Connection) -> None:
    pipe.send(step)
    do_step(World(Settings(home=home, landing=landing, pseudonym_key=KEY)), step)  # type: ignore[arg-type]
    pipe.send("done")


def _whole_run(home: Path, landing: Path, step: str, pipe: Connection) -> None:
    from orchestration.runner import run

    world = World(Settings(home=home, landing=landing, pseudonym_key=KEY))  # type: ignore[arg-type]

    def tell(name: str, message: str, has_ended: bool) -> None:
        if name == step and not message and not has_ended:
            pipe.send(step)

    run(world.settings, world.feeds, LAST - timedelta(2), LAST, tell)
    pipe.send("done")


def _kill_in(world: World, step: str, after_seconds: float, *, is_whole_run: bool) -> None:
    """Begin, and kill that process alone some time after the step began: what it has started is to notice by itself."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(
        target=_whole_run if is_whole_run else _one_step,
        args=(world.settings.home, world.settings.landing_dir, step, theirs),
    )
    process.start()
    theirs.close()
    if ours.recv() == step:
        process.join(after_seconds)
    process.kill()
    process.join()


def check_kills(
    disturbed: World, undisturbed: World, *, seed: int, kills: dict[str, int], are_whole_runs: bool = False
) -> None:
    """Kill processes over corrected deliveries again and again; readers see the old state or the new one.

    `kills` says how often in which step.
    """
    print(f"seed {seed}")  # noqa: T201
    rng = random.Random(seed)
    before = published(disturbed.settings)
    for world in (disturbed, undisturbed):
        redeliver(world)
        for feed in world.feeds.values():
            ingest(world.settings, feed, [LAST - timedelta(1), LAST])
    for step in STEPS:
        do_step(undisturbed, step)
    expected = published(undisturbed.settings)
    assert expected != before, "the corrected deliveries change nothing, so that this would prove nothing"
    for step, seconds in STEPS.items():
        for _ in range(kills[step]):
            _kill_in(disturbed, step, rng.uniform(0, seconds), is_whole_run=are_whole_runs)
            assert published(disturbed.settings) in (before, expected)
        do_step(disturbed, step)
    assert published(disturbed.settings) == expected
    if are_whole_runs:
        assert disturbed.run(LAST - timedelta(2), LAST).exit_code is Exit.PUBLISHED
        assert published(disturbed.settings) == expected
    publication = current_publication(disturbed.settings)
    assert publication and not publication.held_back
