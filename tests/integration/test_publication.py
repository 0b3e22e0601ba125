"""Publications as their readers meet them: the old one or the new one, never half a state."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestration.serving import publish as publishing
from orchestration.serving.generations import (
    NoGenerationError,
    current_dir,
    current_publication,
    publications,
    rollback,
    switch,
)
from orchestration.serving.publish import VerificationError, publish
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.conftest import World

READER = """
import sys, pathlib, duckdb
current, stop = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
reads = 0
while not stop.exists() or not reads:
    with duckdb.connect(str(current / "marts.duckdb"), read_only=True) as con:
        newest, rows = con.execute(
            "select max(generation), max_by(rows, generation) from ops.publication "
            "where relation = 'churn.incident_headline'"
        ).fetchone()
        (count,) = con.execute("select count(*) from churn.incident_headline").fetchone()
    assert count == rows, (newest, count, rows)
    reads += 1
print(reads)
"""


@pytest.fixture(scope="module")
def world(published_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The shared world's data, with publications of its own."""
    home = tmp_path_factory.mktemp("serving")
    for entry in published_world.settings.home.iterdir():
        if entry.name not in ("serving", "tmp"):
            (home / entry.name).symlink_to(entry)
    return World(published_world.settings.model_copy(update={"home": home}))


@pytest.fixture
def publish_again(world: World) -> Callable[[], str]:
    graph = Graph(dbt.manifest(world.settings))

    def once() -> str:
        published = publish(world.settings, graph, world.feeds, "a test")
        assert published is not None
        return published.generation

    return once


@pytest.fixture
def reader(world: World, publish_again: Callable[[], str], tmp_path: Path) -> Iterator[Callable[[], int]]:
    """A process that polls the published file without pause until it is told to stop; then: how often it read."""
    publish_again()
    stop = tmp_path / "stop"
    current = world.settings.serving_dir / "current"
    command = [sys.executable, "-c", READER, str(current), str(stop)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish() -> int:
        stop.touch()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return int(out)

    yield finish
    process.kill()


def test_a_reader_that_never_pauses_sees_whole_generations_through_publications_and_a_rollback(
    world: World, publish_again: Callable[[], str], reader: Callable[[], int]
) -> None:
    generations = [publish_again() for _ in range(3)]
    assert rollback(world.settings).generation == generations[-2]
    switch(world.settings, generations[-1])
    assert reader() > 3


def test_only_so_many_generations_are_kept_and_never_without_the_current_one(
    world: World, publish_again: Callable[[], str]
) -> None:
    for _ in range(3):
        newest = publish_again()
    kept = [publication.generation for publication in publications(world.settings)]
    assert len(kept) <= world.settings.keep_generations
    assert kept[-1] == newest
    with pytest.raises(NoGenerationError, match="ringfence generations"):
        rollback(world.settings, "19990101T000000Z")


def test_a_publication_that_differs_from_the_warehouse_is_not_switched_to(
    world: World, publish_again: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publish_again()
    counted = iter(range(1_000_000))
    monkeypatch.setattr(publishing, "checksum", lambda con, relation: (next(counted), "differs each time"))
    with pytest.raises(VerificationError):
        publish_again()
    now = current_publication(world.settings)
    assert now is not None
    assert now.generation == before


def test_a_publication_that_dies_half_way_leaves_readers_where_they_were_and_nothing_behind(
    world: World, publish_again: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publish_again()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_seal", die)
        with pytest.raises(KeyboardInterrupt):
            publish_again()
    folder = current_dir(world.settings)
    assert folder is not None
    assert folder.name == before
    publish_again()
    assert not list(world.settings.serving_dir.glob(".building-*"))


def test_published_files_cannot_be_changed_by_their_readers(world: World, publish_again: Callable[[], str]) -> None:
    publish_again()
    folder = current_dir(world.settings)
    assert folder is not None
    assert (folder / "marts.duckdb").stat().st_mode & 0o222 == 0
    assert (folder / "cases.duckdb").stat().st_mode & 0o777 == 0o640
