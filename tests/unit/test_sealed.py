"""A reader cannot stop or change a publication: files that take no changes, and are read without their lock."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.base.settings import Settings
from orchestration.reporting.headline import HeadlineError, read_headline
from orchestration.rules.explain import explain
from orchestration.serving.generations import (
    DOORS,
    PUBLICATION,
    NoGenerationError,
    Publication,
    PublishedRelation,
    current_file,
    prune,
    publications,
    rollback,
    switch,
    unfinished,
)
from orchestration.serving.sealed import check_published, readable, seal
from tests.support.world import KEY

HOLDER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1])
for query in ("create schema scratch", "create table mine as select 42", "create table more as from range(3000000)"):
    try:
        con.execute(query)
        print("written", flush=True)
    except duckdb.Error:
        print("refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two generations, the later one current; each file holds one relation with the generation's name."""
    settings = Settings(home=tmp_path / "home", pseudonym_key=KEY)  # type: ignore[arg-type]
    for generation in ("20260101T000000Z", "20260102T000000Z"):
        folder = settings.serving_dir / generation
        folder.mkdir(parents=True)
        for file, _ in DOORS.values():
            with duckdb.connect(str(folder / file)) as con:
                con.execute("create schema fraud")
                con.execute(f"create table fraud.which as select '{generation}' as generation")
        told = Publication(
            generation=generation, run_id="a test", git_commit=None, published_at=datetime.now(UTC), inputs="",
            relations=[
                PublishedRelation(relation="fraud.which", door=door, rows=1, checksum="", data_through=None)
                for door in DOORS
            ],
        )  # fmt: skip
        (folder / PUBLICATION).write_text(told.model_dump_json(), "utf-8")
        seal(folder)
        switch(settings, generation)
    return settings


@pytest.fixture(params=list(DOORS))
def held(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Path]:
    """The current file of a door, held open to write by a tool that has tried to; no mode stops root."""
    file = current_file(settings, request.param)
    assert file is not None
    file.chmod(0o644)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert [holder.stdout.readline().strip() for _ in range(3)] == ["refused"] * 3
        yield file
        holder.kill()


def _which(path: Path) -> list[tuple[str, str]]:
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("select table_name from duckdb_tables() order by all").fetchall()
        return [(name, con.execute(f"from fraud.{name}").fetchall()[0][0]) for (name,) in tables]


def test_a_held_file_is_read_as_it_was_published_and_whoever_holds_it_has_written_nothing(
    settings: Settings, held: Path
) -> None:
    with pytest.raises(duckdb.IOException, match="lock"):
        _which(held)
    with readable(settings, held) as sealed:
        assert sealed != held
        assert _which(sealed) == [("which", "20260102T000000Z")]
    assert not sealed.exists()


def test_commands_answer_and_roll_back_while_a_file_is_held(settings: Settings, held: Path) -> None:
    with pytest.raises(HeadlineError, match="has not been published yet"):
        read_headline(settings)
    with pytest.raises(duckdb.CatalogException, match="fct_payment"):
        explain(settings, "nobody")
    assert rollback(settings).generation == "20260101T000000Z"
    assert len(publications(settings)) == 2


def test_a_generation_that_was_named_and_never_switched_to_is_none_and_goes_with_the_next(settings: Settings) -> None:
    now, killed = settings.serving_dir / "20260102T000000Z", settings.serving_dir / "20260103T000000Z"
    shutil.copytree(now, killed, symlinks=True)
    rollback(settings)
    assert [kept.generation for kept in publications(settings)] == ["20260101T000000Z", now.name]
    assert rollback(settings, now.name).generation == now.name
    assert unfinished(settings) == [killed]
    prune(settings)
    assert not killed.exists()
    assert now.exists()


def test_the_files_are_closed_to_change_and_the_set_up_is_found_in_order(settings: Settings) -> None:
    assert check_published(settings) == "2 generations, sealed"
    for file, mode in DOORS.values():
        path = settings.serving_dir / "20260102T000000Z" / file
        assert path.stat().st_mode & 0o777 == mode
        assert not mode & 0o222
        assert _which(path) == [("which", "20260102T000000Z")]


def test_a_log_beside_a_file_is_named_and_not_read_and_nobody_is_pointed_at_it(settings: Settings) -> None:
    file = settings.serving_dir / "20260101T000000Z" / "marts.duckdb"
    log = file.with_name("marts.duckdb.wal")
    log.unlink()
    file.chmod(0o644)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline().strip() == b"written"
        assert tool.stdout.readline().strip() == b"written"
        tool.kill()  # so that its log stays
    assert log.exists()
    with pytest.raises(PermissionError, match=r"marts\.duckdb\.wal: somebody has written here") as told:
        check_published(settings)
    assert "can be written to: chmod 444" in str(told.value)
    with readable(settings, file) as sealed:
        assert _which(sealed) == [("which", "20260101T000000Z")]
    with pytest.raises(NoGenerationError, match="somebody has written here"):
        rollback(settings)


def test_a_relation_that_was_not_published_is_named(settings: Settings) -> None:
    file = settings.serving_dir / "20260101T000000Z" / "cases.duckdb"
    file.with_name("cases.duckdb.wal").unlink()
    file.chmod(0o644)
    with duckdb.connect(str(file)) as con:
        con.execute("create table mine as select 42 as x")
    with pytest.raises(PermissionError, match=r"cases\.duckdb: main\.mine was not published"):
        check_published(settings)
