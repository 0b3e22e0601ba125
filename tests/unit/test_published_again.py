"""A generation takes from the one before it what is made of the same, and looks at everything that it holds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.base.content import content_of
from orchestration.base.settings import Settings
from orchestration.serving import publish as publishing
from orchestration.serving import verify
from orchestration.serving.generations import (
    current_dir,
    rollback,
    unfinished,
)
from orchestration.serving.sealed import check_published
from orchestration.serving.verify import VerificationError
from orchestration.warehouse.graph import Graph
from tests.support.published import Installation, published


def test_what_is_made_of_the_same_is_not_read_from_the_warehouse_again(installation: Installation) -> None:
    installation.change("first")  # as it never is: other rows, made of the same
    installation.publish()
    assert installation.shown("select count(*) from {}") == [3, 3, 3]
    assert len(list(installation.settings.serving_dir.glob("[!.]*/publication.json"))) == 3  # two, and `current`


@pytest.mark.parametrize("version", ["second", None])
def test_what_is_made_of_something_else_or_of_nobody_knows_what_is_read(
    installation: Installation, version: str | None
) -> None:
    installation.change(version)
    installation.publish()
    assert installation.shown("select count(*) from {}") == [4, 4, 4]
    installation.change(version)
    installation.publish()
    assert installation.shown("select count(*) from {}") == ([4, 4, 4] if version else [5, 5, 5])


def test_what_is_said_of_it_is_always_what_is_said_now(installation: Installation) -> None:
    installation.publish("One row per number.")
    assert set(installation.shown("select comment from duckdb_tables() where schema_name = 'churn' -- {}")) == {
        "One row per number."
    }


def test_a_column_by_another_name_has_it_in_parquet_too(installation: Installation) -> None:
    with installation.warehouse() as con:
        con.execute("alter table churn.totals rename n to number")
        con.execute("update pipeline.made_of set version = 'second' where model = 'totals'")
    installation.publish(column="number")
    parquet = installation.settings.serving_dir / "current" / "parquet" / "churn" / "totals.parquet"
    assert duckdb.sql(f"from '{parquet}'").columns == ["number"]


def test_of_an_increment_the_touched_rows_alone_are_published_anew(installation: Installation) -> None:
    installation.replace(kept=1, touched=2, version="second", replaced="first")  # as no increment does: 1 is gone, too
    installation.publish()
    assert installation.lines() == installation.lines("lines_shown") == [1, 3, 7]
    with installation.warehouse() as con:
        con.execute("insert into churn.lines values (1)")
        expected = content_of(con, "churn.lines").as_published
    assert {
        (entry.rows, entry.checksum) for entry in published(installation.settings) if entry.door == "restricted"
    } == {expected}


@pytest.mark.parametrize("why", ["a build lay between", "the keys are those of a build that never ended"])
def test_what_the_touched_rows_do_not_tell_is_published_whole(installation: Installation, why: str) -> None:
    is_between = why == "a build lay between"
    installation.replace(kept=1, touched=2, version="third", replaced="second" if is_between else "first")
    if not is_between:
        with installation.warehouse() as con:
            con.execute("insert into pipeline.offered values ('lines', 'calls', '2026-01-02', 1)")
    installation.publish()
    assert installation.lines() == installation.lines("lines_shown") == [3, 7]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (duckdb.IOException("IO Error: No files found that match the pattern"), VerificationError),
        (duckdb.IOException("IO Error: Could not read from file: Input/output error"), duckdb.IOException),
    ],
    ids=["a-file-is-missing", "the-disk-fails"],
)
def test_a_disk_that_cannot_be_read_is_not_told_as_a_relation_that_is_missing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, error: Exception, told: type[Exception]
) -> None:
    def content(*_: object) -> None:
        raise error

    monkeypatch.setattr(verify, "content_of", content)
    installation.change("second")
    with pytest.raises(told):
        installation.publish()


def test_a_generation_that_was_half_removed_is_none_and_its_rest_goes_next_time(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = installation.settings.serving_dir
    installation.settings = installation.settings.model_copy(update={"keep_generations": 1})

    def killed(folder: Path, **_: Any) -> None:
        if folder.exists():
            (folder / "publication.json").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            installation.publish()
    now = current_dir(installation.settings)
    assert now
    assert {path.name for path in serving.glob("[!.]*") if path.is_dir()} == {"current", now.name}
    assert len(unfinished(installation.settings)) == 1
    installation.publish()
    assert not unfinished(installation.settings)


def test_what_killed_switches_left_goes_with_the_next_one(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.publish()
    serving, before = installation.settings.serving_dir, current_dir(installation.settings)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    (serving / ".current-4711").symlink_to("20260101T000000Z")  # of another process
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            rollback(installation.settings)
    assert current_dir(installation.settings) == before
    assert len(list(serving.glob(".current*"))) == 1
    rollback(installation.settings)
    assert not list(serving.glob(".current*"))


def test_a_generation_that_goes_on_from_another_leaves_it_as_it_was(installation: Installation) -> None:
    before = current_dir(installation.settings)
    installation.replace(kept=1, touched=2, version="second", replaced="first")
    installation.publish()
    rollback(installation.settings)
    assert current_dir(installation.settings) == before
    assert installation.lines() == [1, 2, 3]
    assert check_published(installation.settings)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (
            "delete from out.churn.lines where n = 3",
            r"churn.lines \(restricted\): 3 rows were to be in cases.duckdb, but 2",
        ),
        ("update out.churn.lines set n = null where n = 7", "what was replaced in cases.duckdb differs"),
        ("drop table out.churn.lines", "is not in cases.duckdb"),
    ],
)
def test_what_goes_on_is_counted_and_what_was_replaced_is_compared_before_anybody_is_switched_to_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, tampering: str, said: str
) -> None:
    create_ops, before = publishing.create_ops, current_dir(installation.settings)

    def tampered(settings: Settings, graph: Graph, feeds: Any, path: Path, *rest: Any) -> None:
        create_ops(settings, graph, feeds, path, *rest)
        with duckdb.connect() as con:
            con.execute(f"attach '{path.with_name('cases.duckdb')}' as out")
            con.execute(tampering)

    monkeypatch.setattr(publishing, "create_ops", tampered)
    installation.replace(kept=0, touched=2, version="second", replaced="first")
    with pytest.raises(VerificationError, match=said):
        installation.publish()
    assert current_dir(installation.settings) == before
