"""Publications as their readers meet them: the old one or the new one, never half a state."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.reporting.headline import read_headline
from orchestration.rules.explain import ExplainError, explain
from orchestration.serving import publish as publishing
from orchestration.serving.generations import (
    NoGenerationError,
    current_dir,
    current_publication,
    publications,
    rollback,
    switch,
)
from orchestration.serving.ops import create_ops
from orchestration.serving.publish import publish
from orchestration.serving.sealed import check_published
from orchestration.serving.verify import VerificationError
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.nodes import Column, Node
from tests.support.world import World

#: Reads without pause until it is told to stop: with a connection per query, one for twenty queries, or one for ever.
READER = """
import sys, pathlib, duckdb
current, stop, queries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3])
reads, seen = 0, set()
while not stop.exists() or not reads:
    left, held = queries, set()
    with duckdb.connect(str(current / "marts.duckdb"), read_only=True) as con:
        while left > 0 and not (stop.exists() and reads):
            newest, rows = con.execute(
                "select max(generation), max_by(rows, generation) from ops.publication "
                "where relation = 'churn.incident_headline'"
            ).fetchone()
            (count,) = con.execute("select count(*) from churn.incident_headline").fetchone()
            assert count == rows, (newest, count, rows)
            held.add(newest)
            reads, left = reads + 1, left - 1
    assert len(held) <= 1, held
    seen |= held
print(reads, len(seen))
"""
READERS = {"a connection per query": "1", "pooled": "20", "held open": "inf"}


@pytest.fixture(scope="module")
def world(published_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The shared world's data, with publications of its own."""
    home = tmp_path_factory.mktemp("serving")
    for entry in published_world.settings.home.iterdir():
        if entry.name not in ("serving", "tmp"):
            (home / entry.name).symlink_to(entry)
    return World(published_world.settings.model_copy(update={"home": home}))


class SmallGraph(Graph):
    """All marts but the two that make half a publication's bytes: here it is published again and again."""

    def published(self) -> list[Node]:
        return [node for node in super().published() if node.name not in ("fct_port", "port_incident")]


@pytest.fixture
def publish_again(world: World) -> Callable[[], str]:
    graph = SmallGraph(dbt.manifest(world.settings))

    def once() -> str:
        published = publish(world.settings, graph, world.feeds, "a test")
        assert published is not None
        return published.generation

    return once


@pytest.fixture
def readers(world: World, publish_again: Callable[[], str], tmp_path: Path) -> Iterator[Callable[[], dict[str, int]]]:
    """Processes that poll the published file until they are told to stop; then: how many generations each has seen."""
    publish_again()
    stop = tmp_path / "stop"
    current = world.settings.serving_dir / "current"
    processes = {
        kind: subprocess.Popen(
            [sys.executable, "-c", READER, str(current), str(stop), queries],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for kind, queries in READERS.items()
    }  # fmt: skip

    def finish() -> dict[str, int]:
        stop.touch()
        seen = {}
        for kind, process in processes.items():
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, f"{kind}: {err}"
            reads, generations = map(int, out.split())
            assert reads > 3, kind
            seen[kind] = generations
        return seen

    yield finish
    for process in processes.values():
        process.kill()


def test_readers_that_never_pause_see_whole_generations_through_publications_and_a_rollback(
    world: World, publish_again: Callable[[], str], readers: Callable[[], dict[str, int]]
) -> None:
    generations = [publish_again() for _ in range(2)]
    assert rollback(world.settings).generation == generations[-2]
    switch(world.settings, generations[-1])
    seen = readers()
    assert seen["a connection per query"] > 1
    assert seen["held open"] == 1


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


HEADLINE = "out.churn.incident_headline"
TAMPERING = {
    "a row was lost": (f"delete from {HEADLINE} where rowid = 0", r"incident_headline \(open\): .* rows were read"),
    "a value changed": (f"update {HEADLINE} set port_outs_day = 7", "its content in marts.duckdb differs"),
    "a relation is gone": (f"drop table {HEADLINE}", "is not in marts.duckdb"),
    "a pseudonym got out": ("create table out.ops.leak as select uuid() as line_key", "ops.leak.line_key is UUID"),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_a_publication_that_is_not_what_was_read_is_not_switched_to_and_says_why(
    what: str, world: World, publish_again: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publish_again()
    tampering, message = TAMPERING[what]

    def tampered(settings: Settings, graph: Graph, feeds: Mapping[str, Feed], path: Path, *rest: Any) -> None:
        create_ops(settings, graph, feeds, path, *rest)
        with duckdb.connect() as con:
            con.execute(f"attach '{path}' as out")
            con.execute(tampering)

    monkeypatch.setattr(publishing, "create_ops", tampered)
    with pytest.raises(VerificationError, match=message):
        publish_again()
    now = current_publication(world.settings)
    assert now is not None
    assert now.generation == before


def test_a_publication_with_a_broken_contract_is_not_switched_to_and_says_why(
    world: World, publish_again: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publish_again()
    graph = SmallGraph(dbt.manifest(world.settings))
    columns = {
        "incident_headline": (("port_outs_day", "varchar", False), ("editor", "varchar", False)),
        "waiver_effect": (("note", "varchar", True),),
    }
    for unique_id, node in graph.nodes.items():
        declared = {column.name: column for column in node.columns}
        declared |= {name: Column(name, type_, "", required) for name, type_, required in columns.get(node.name, ())}
        graph.nodes[unique_id] = replace(node, columns=tuple(declared.values()))
    with pytest.raises(VerificationError) as error:
        publish(world.settings, graph, world.feeds, "a test")
    assert "churn.incident_headline (open): column editor is missing" in str(error.value)
    assert "column port_outs_day is BIGINT, but its contract says VARCHAR" in str(error.value)
    assert "churn.waiver_effect (open): column note is empty in" in str(error.value)
    now = current_publication(world.settings)
    assert now is not None
    assert now.generation == before


def test_a_publication_with_a_fresh_relation_behind_a_closed_gate_is_not_switched_to(
    publish_again: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "held_back", lambda *_: {"fraud_daily": ["payments"]})
    built = publishing.build
    monkeypatch.setattr(publishing, "build", lambda *inputs: built(*inputs[:-1], {}))  # as if it did not know
    with pytest.raises(
        VerificationError, match=r"fraud.fraud_daily \(open\): is fresh, but its gate is closed: payments"
    ):
        publish_again()


def test_what_is_open_adds_up_to_every_total_that_is_there(world: World, publish_again: Callable[[], str]) -> None:
    publish_again()
    merged = compared = 0
    for node in Graph(dbt.manifest(world.settings)).published():
        rule = node.small_groups
        if rule and rule.by:
            merged += len(world.query(f"select 1 from {node.relation} where is_suppressed"))
            total = ", ".join(column for column in node.key if column not in rule.by)
            for column in (column.name for column in node.columns if column.data_type == "bigint"):
                if column not in node.key:
                    sums = f"select {total}, sum({column}) from {node.relation} group by all having sum({column}) <> 0"
                    shown = world.query(sums)
                    compared += len(shown)
                    assert {*shown} <= {*world.query(sums, "cases.duckdb")}, f"{node.name}.{column}"
    assert merged > 100
    assert compared > 100


def test_open_marts_are_parquet_too_and_what_did_not_change_is_not_written_again(
    world: World, publish_again: Callable[[], str]
) -> None:
    publish_again()
    first = _parquet(world)
    publish_again()
    second = _parquet(world)
    relations = world.query("select distinct relation from ops.publication where door = 'open'")
    assert second.keys() == {relation for (relation,) in relations}
    assert {name: path.stat().st_ino for name, path in first.items()} == {
        name: path.stat().st_ino for name, path in second.items()
    }
    for relation, path in second.items():
        assert path.stat().st_mode & 0o777 == 0o444
        columns = world.query(f"select column_name, column_type from (describe from read_parquet('{path}'))")
        assert columns == world.query(f"select column_name, column_type from (describe {relation})")
        assert not {"line_key", "number_key"} & {name for name, _ in columns}
        assert not world.query(f"from {relation} except all from read_parquet('{path}')")


def _parquet(world: World) -> dict[str, Path]:
    folder = current_dir(world.settings)
    assert folder is not None
    return {f"{path.parent.name}.{path.stem}": path for path in (folder / "parquet").glob("*/*.parquet")}


def test_what_machines_take_is_a_file_with_the_rows_of_the_restricted_one_and_its_mode(published_world: World) -> None:
    path = published_world.settings.serving_dir / "current" / "block_list.csv"
    assert path.stat().st_mode & 0o777 == 0o440
    columns = published_world.query("select * from fraud.block_list", "cases.duckdb")
    with path.open(encoding="utf-8") as file:
        header, *rows = file.read().splitlines()
    assert header.startswith("case_id,subject_kind,subject_key,number_key,list_on,since,valid_until,reasons")
    assert len(rows) == len(columns)


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
    assert (folder / "cases.duckdb").stat().st_mode & 0o777 == 0o440


HOLDER = """
import sys, duckdb
held = [duckdb.connect(path) for path in sys.argv[1:]]
for con in held:
    try:
        con.execute("create table mine as select 42 as x")
        print("written")
    except duckdb.Error:
        print("refused")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_tool_that_holds_published_files_open_to_write_stops_nothing_and_nobody_sees_what_it_wrote(
    world: World, publish_again: Callable[[], str]
) -> None:
    publish_again()
    folder = current_dir(world.settings)
    assert folder is not None
    files = [folder / "marts.duckdb", folder / "cases.duckdb"]
    for file in files:
        file.chmod(0o644)  # as root could, whom no mode stops
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, *map(str, files)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        said = [holder.stdout.readline().strip() for _ in range(3)]
        assert said == ["refused", "refused", "held"]
        with pytest.raises(duckdb.IOException, match="lock"):
            duckdb.connect(str(files[0]), read_only=True)
        headline = read_headline(world.settings)
        with pytest.raises(ExplainError, match="no payment"):
            explain(world.settings, "nobody")
        publish_again()
        assert rollback(world.settings).generation == folder.name
        assert read_headline(world.settings) == headline
        holder.kill()
    for file in files:
        with duckdb.connect(str(file), read_only=True) as con:
            assert not con.execute("select 1 from duckdb_tables() where table_name = 'mine'").fetchall()
    assert not list(world.settings.scratch_dir.glob("published-*"))
    for file, mode in zip(files, (0o444, 0o440), strict=True):
        file.chmod(mode)


def test_a_log_beside_a_published_file_is_named_and_not_read_and_its_generation_not_switched_to(
    world: World, publish_again: Callable[[], str]
) -> None:
    first = publish_again()
    assert "sealed" in check_published(world.settings)
    file = world.settings.serving_dir / first / "marts.duckdb"
    log = file.with_name("marts.duckdb.wal")
    log.unlink()
    file.chmod(0o644)
    log.write_bytes(b"a log that somebody left")
    with pytest.raises(PermissionError, match=r"marts\.duckdb\.wal: somebody has written") as told:
        check_published(world.settings)
    assert "can be written to" in str(told.value)
    read_headline(world.settings)
    publish_again()
    with pytest.raises(NoGenerationError, match="somebody has written"):
        rollback(world.settings, first)
    log.unlink()
    file.chmod(0o444)
