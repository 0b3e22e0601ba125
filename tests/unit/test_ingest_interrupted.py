"""Ingest that is killed, or finds the disk full: each delivery is as it was or as it should be, never in between."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orchestration.base.settings import private_dir
from orchestration.ingest import placing, workspace
from orchestration.ingest.receipt import read_receipts
from tests.support.killing import prepare, random_kills, start
from tests.support.small_site import HEADER, SmallSite, line


def test_an_ingest_killed_at_any_moment_is_made_good_by_the_next(tmp_path: Path) -> None:
    random_kills(tmp_path, seed=20260103, kills=3)


def test_an_ingest_that_begins_loses_its_folder_to_nobody_who_clears_up_at_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SmallSite(tmp_path).settings
    clearing = threading.Thread(target=workspace.discard_unfinished, args=[settings])
    killed = private_dir(settings.scratch_dir / ".tmp-killed")

    def made_while_somebody_clears_up(path: Path) -> Path:
        made = private_dir(path)
        if path.parent == settings.scratch_dir and not clearing.ident:
            clearing.start()
            clearing.join(0.5)  # it is through, or waits for us
        return made

    monkeypatch.setattr(workspace, "private_dir", made_while_somebody_clears_up)
    with workspace.Workspace(settings, "charges") as begun:
        clearing.join()
        assert begun.scratch.is_dir()
        assert not killed.exists()
    assert workspace.unfinished(settings) == []


def test_what_a_killed_ingest_has_quarantined_does_not_stay_beside_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, rename = SmallSite(tmp_path), placing._rename

    def killed_between_the_two(source: Path, target: Path) -> None:
        if site.settings.raw_dir in target.parents:
            raise KeyboardInterrupt
        rename(source, target)

    site.drop(HEADER + line(1, amount="x"))
    with monkeypatch.context() as patched:
        patched.setattr(placing, "_rename", killed_between_the_two)
        with pytest.raises(KeyboardInterrupt):
            site.ingest()
    assert list(site.settings.quarantine_dir.glob("charges/*/rev=1"))
    site.drop(HEADER + line(1))
    assert (site.ingest().rev, site.ingest().rows_quarantined) == (1, 0)
    assert not list(site.settings.quarantine_dir.glob("charges/*/rev=1"))


def test_a_full_disk_is_named_and_leaves_the_old_state(tmp_path: Path) -> None:
    site = prepare(tmp_path)
    process, pipe = start(site, tmp_path / "full", most_bytes=15_000)
    message = pipe.recv()
    process.join()
    assert "no room under" in message
    assert "make room and run again" in message
    assert read_receipts(tmp_path / "full" / "raw") == []
    assert not list((tmp_path / "full").glob("*/charges/**/*.parquet"))
