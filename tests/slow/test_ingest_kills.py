"""Two hundred kills of ingest, and some thousand spoilt extracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.killing import random_kills
from tests.unit.test_ingest_mutations import run


@pytest.mark.timeout(3600)
def test_two_hundred_killed_ingests_are_made_good(tmp_path: Path) -> None:
    random_kills(tmp_path, seed=20260104, kills=200)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(40))
def test_thousands_of_spoilt_extracts(tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    run(tmp_path, 1000 + part, 80)
