"""Ingest that is killed, or finds the disk full: each delivery is as it was or as it should be, never in between."""

from __future__ import annotations

from pathlib import Path

from orchestration.ingest.receipt import read_receipts
from tests.support.killing import prepare, random_kills, start


def test_an_ingest_killed_at_any_moment_is_made_good_by_the_next(tmp_path: Path) -> None:
    random_kills(tmp_path, seed=20260103, kills=3)


def test_a_full_disk_is_named_and_leaves_the_old_state(tmp_path: Path) -> None:
    site = prepare(tmp_path)
    process, pipe = start(site, tmp_path / "full", most_bytes=15_000)
    message = pipe.recv()
    process.join()
    assert "no room under" in message
    assert "make room and run again" in message
    assert read_receipts(tmp_path / "full" / "raw") == []
    assert not list((tmp_path / "full").glob("*/charges/**/*.parquet"))
